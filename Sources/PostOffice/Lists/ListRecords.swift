import MailModel
import Storage

// Lists and members as they are kept: `StoredJSON`.

struct StoredList: Codable {
    var address: String
    var name: String?
    var owners: [String]
    var posters: String
    var others: String
    var joining: String
    var created: Int64
    var next: UInt32

    init(_ list: MailingList) {
        address = list.written
        name = list.name.isEmpty ? nil : list.name
        owners = list.owners.map(\.written)
        (posters, others, joining) = (list.posters.rawValue, list.others.rawValue, list.joining.rawValue)
        created = list.created.rawValue
        next = list.nextNumber
    }

    /// Nil: it is none that this program knows.
    var list: MailingList? {
        let owners = owners.compactMap { Address($0) }
        guard let address = Address(address), let posters = MailingList.Posters(rawValue: posters), let others = MailingList.Others(rawValue: others),
            let joining = MailingList.Joining(rawValue: joining), !owners.isEmpty, owners.count == self.owners.count
        else { return nil }
        return MailingList(
            address: address, name: name ?? "", owners: owners, posters: posters, others: others, joining: joining, created: Timestamp(rawValue: created),
            nextNumber: next)
    }
}

struct StoredMember: Codable {
    struct Suspension: Codable {
        var at: Int64
        var cause: Int64?
    }

    struct Failing: Codable {
        var since: Int64
        var last: Int64
        var reason: String
        var taken: Int64?
        var told: Int64
        var toldBy: Int64
        var posts: [Int64]?
    }

    var address: String
    var number: UInt32
    var joined: Int64
    var moderated: Bool?
    var suspension: Suspension?
    var failing: Failing?

    init(_ member: ListMember) {
        address = member.address.written
        number = member.number
        joined = member.joined.rawValue
        moderated = member.mayPost ? nil : true
        suspension = member.suspension.map { Suspension(at: $0.at.rawValue, cause: $0.cause?.rawValue) }
        failing = member.failing.map {
            Failing(
                since: $0.since.rawValue, last: $0.last.rawValue, reason: $0.reason, taken: $0.taken?.rawValue, told: $0.told.rawValue,
                toldBy: $0.toldBy.rawValue, posts: $0.posts.isEmpty ? nil : $0.posts.map(\.rawValue))
        }
    }

    var member: ListMember? {
        guard let address = Address(address) else { return nil }
        return ListMember(
            address: address, number: number, joined: Timestamp(rawValue: joined), mayPost: moderated != true,
            suspension: suspension.map {
                ListMember.Suspension(at: Timestamp(rawValue: $0.at), cause: $0.cause.map { QueueID(rawValue: $0) })
            },
            failing: failing.map {
                ListMember.Failing(
                    since: Timestamp(rawValue: $0.since), last: Timestamp(rawValue: $0.last), reason: $0.reason,
                    taken: $0.taken.map { Timestamp(rawValue: $0) }, told: Timestamp(rawValue: $0.told), toldBy: QueueID(rawValue: $0.toldBy),
                    posts: $0.posts?.map { Timestamp(rawValue: $0) } ?? [])
            })
    }
}

/// A post that waits for the owners of a list.
struct StoredHold: Codable {
    var list: String
    var since: Int64
}

/// Somebody's wish that waits for the answer that it is theirs, by its token.
struct ListWish: Hashable {
    enum Kind: String, Hashable, Codable { case join, leave }

    let kind: Kind
    let list: String
    let address: Address
    let asked: Timestamp
    /// It was answered; an answer that comes again changes nothing.
    var isDone = false

    /// Seconds for which it waits.
    static let lifetime: Int64 = 3 * 86_400

    var words: String { "\(kind.rawValue) \(MailingList.key(address))" }
}

struct StoredWish: Codable {
    var kind: ListWish.Kind
    var list: String
    var address: String
    var asked: Int64
    var done: Bool?

    init(_ wish: ListWish) {
        (kind, list) = (wish.kind, wish.list)
        address = wish.address.written
        asked = wish.asked.rawValue
        done = wish.isDone ? true : nil
    }

    var wish: ListWish? {
        Address(address).map { ListWish(kind: kind, list: list, address: $0, asked: Timestamp(rawValue: asked), isDone: done == true) }
    }
}
