import MailModel
import Storage

/// Lists and members as they are kept: lines of a word, a blank and a value; a word may come again. Words that are not known are passed over.
struct ListRecord {
    private var lines: [(word: String, value: String)] = []

    init() {}

    /// Nil: it is no such text, or of a version that is not known.
    init?(_ octets: [UInt8]) {
        guard let text = String(validating: octets, as: UTF8.self) else { return nil }
        for line in text.split(separator: "\n") {
            let pieces = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            lines.append((String(pieces[0]), pieces.count > 1 ? String(pieces[1]) : ""))
        }
        guard self["version"] == "1" else { return nil }
    }

    var octets: [UInt8] { Array(("version 1\n" + lines.map { "\($0.word) \($0.value)\n" }.joined()).utf8) }

    subscript(word: String) -> String? { lines.first { $0.word == word }?.value }
    func all(_ word: String) -> [String] { lines.filter { $0.word == word }.map(\.value) }
    func time(_ word: String) -> Timestamp? { self[word].flatMap { Int64($0) }.map { Timestamp(rawValue: $0) } }
    func entry(_ word: String) -> QueueID? { self[word].flatMap { Int64($0) }.map { QueueID(rawValue: $0) } }

    mutating func put(_ word: String, _ value: String?) {
        guard let value else { return }
        lines.append((word, String(String.UnicodeScalarView(value.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))))
    }
    mutating func put(_ word: String, _ time: Timestamp?) { put(word, time.map { "\($0.rawValue)" }) }
    mutating func put(_ word: String, _ entry: QueueID?) { put(word, entry.map { "\($0.rawValue)" }) }
}

extension MailingList {
    var record: ListRecord {
        var record = ListRecord()
        record.put("address", address.written)
        if !name.isEmpty { record.put("name", name) }
        for owner in owners { record.put("owner", owner.written) }
        record.put("posters", posters.rawValue)
        record.put("others", others.rawValue)
        record.put("joining", joining.rawValue)
        record.put("created", created)
        record.put("next", "\(nextNumber)")
        return record
    }

    init?(_ record: ListRecord) {
        guard let address = record["address"].flatMap({ Address($0) }), let posters = record["posters"].flatMap(Posters.init),
            let others = record["others"].flatMap(Others.init), let joining = record["joining"].flatMap(Joining.init), let created = record.time("created"),
            let next = record["next"].flatMap({ UInt32($0) })
        else { return nil }
        let owners = record.all("owner").compactMap { Address($0) }
        guard !owners.isEmpty, owners.count == record.all("owner").count else { return nil }
        self.init(
            address: address, name: record["name"] ?? "", owners: owners, posters: posters, others: others, joining: joining, created: created, nextNumber: next
        )
    }
}

extension ListMember {
    var record: ListRecord {
        var record = ListRecord()
        record.put("address", address.written)
        record.put("number", "\(number)")
        record.put("joined", joined)
        if !mayPost { record.put("moderated", "yes") }
        record.put("suspended", suspension?.at)
        record.put("suspended-by", suspension?.cause)
        guard let failing else { return record }
        record.put("failing-since", failing.since)
        record.put("failing-last", failing.last)
        record.put("failing-reason", failing.reason)
        record.put("failing-taken", failing.taken)
        record.put("failing-told", failing.told)
        record.put("failing-told-by", failing.toldBy)
        return record
    }

    init?(_ record: ListRecord) {
        guard let address = record["address"].flatMap({ Address($0) }), let number = record["number"].flatMap({ UInt32($0) }),
            let joined = record.time("joined")
        else { return nil }
        self.init(
            address: address, number: number, joined: joined, mayPost: record["moderated"] != "yes",
            suspension: record.time("suspended").map { Suspension(at: $0, cause: record.entry("suspended-by")) })
        guard let since = record.time("failing-since"), let last = record.time("failing-last"), let told = record.time("failing-told"),
            let toldBy = record.entry("failing-told-by")
        else { return }
        failing = Failing(
            since: since, last: last, reason: record["failing-reason"] ?? "", taken: record.time("failing-taken"), told: told, toldBy: toldBy)
    }
}

/// Somebody's wish that waits for the answer that it is theirs, by its token.
struct ListWish: Hashable {
    enum Kind: String, Hashable { case join, leave }

    let kind: Kind
    let list: String
    let address: Address
    let asked: Timestamp
    /// It was answered; an answer that comes again changes nothing.
    var isDone = false

    /// Seconds for which it waits.
    static let lifetime: Int64 = 3 * 86_400

    var words: String { "\(kind.rawValue) \(MailingList.key(address))" }

    var record: ListRecord {
        var record = ListRecord()
        record.put("kind", kind.rawValue)
        record.put("list", list)
        record.put("address", address.written)
        record.put("asked", asked)
        if isDone { record.put("done", "yes") }
        return record
    }
}

extension ListWish {
    init?(_ record: ListRecord) {
        guard let kind = record["kind"].flatMap(Kind.init), let list = record["list"], let address = record["address"].flatMap({ Address($0) }),
            let asked = record.time("asked")
        else { return nil }
        self.init(kind: kind, list: list, address: address, asked: asked, isDone: record["done"] == "yes")
    }
}
