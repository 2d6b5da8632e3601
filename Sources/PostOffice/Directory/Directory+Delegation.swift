import Gatehouse
package import MailModel
import Storage

/// In how far somebody may send mail in the name of an address. A greater one includes the smaller ones.
package enum SendRight: Int, Comparable, Codable, Sendable {
    case none
    /// As its author, with the user's own address as Sender (RFC 5322 §3.6.2): "send on behalf".
    case onBehalf
    /// As if it were the user's own: "send as".
    case asOwner
    /// It is the user's own.
    case own

    package static func < (a: SendRight, b: SendRight) -> Bool { a.rawValue < b.rawValue }
}

/// Who may send in an account's name.
package struct Delegate: Hashable, Sendable {
    package let account: AccountName
    /// `onBehalf` or `asOwner`.
    package let right: SendRight
}

/// As they are kept, by the number of the account in whose name is sent.
private struct StoredDelegates: Codable {
    enum Right: String, Codable { case onBehalf, asOwner }

    struct Entry: Codable {
        var account: Int64
        var right: Right
    }
    var delegates: [Entry]
}

extension Directory {
    /// Delegates of an account.
    private static var mostDelegates: Int { 100 }

    /// In the order in which they were named; those that are removed are not told. `noSuchAccount`.
    package func delegates(of name: String) async throws -> [Delegate] {
        let owner = try await existing(name)
        var delegates: [Delegate] = []
        for entry in try delegations(of: owner.id).entries {
            guard let record = try await store.account(AccountID(rawValue: entry.account)) else { continue }
            delegates.append(Delegate(account: record.name, right: entry.right == .asOwner ? .asOwner : .onBehalf))
        }
        return delegates
    }

    /// `right`: `onBehalf`, `asOwner`, or `none`, which takes it away. It holds for the next message. `noSuchAccount`, `notAllowed`.
    package func set(_ right: SendRight, of delegate: String, inTheNameOf name: String) async throws {
        let (owner, other) = (try await existing(name), try await existing(delegate))
        guard owner.id != other.id else { throw StorageFault.notAllowed("an account is not its own delegate") }
        while true {
            var (entries, octets) = try delegations(of: owner.id)
            entries.removeAll { $0.account == other.id.rawValue }
            if right > .none { entries.append(.init(account: other.id.rawValue, right: right == .onBehalf ? .onBehalf : .asOwner)) }
            guard entries.count <= Directory.mostDelegates else {
                throw StorageFault.notAllowed("an account has at most \(Directory.mostDelegates) delegates")
            }
            do {
                try await store.change([
                    KeyValueChange(
                        .delegates, "\(owner.id.rawValue)", entries.isEmpty ? nil : try StoredJSON.encode(StoredDelegates(delegates: entries)),
                        expecting: octets.map { .value($0) } ?? .absence)
                ])
                return
            } catch StorageFault.conflict, StorageFault.nameTaken {
                continue
            }
        }
    }

    /// What an account lets another do in its name; not what is the other's own.
    func delegated(by owner: AccountID, to account: AccountID) throws -> SendRight {
        switch try delegations(of: owner).entries.first(where: { $0.account == account.rawValue })?.right {
        case .asOwner: .asOwner
        case .onBehalf: .onBehalf
        case nil: .none
        }
    }

    /// The account is removed.
    func forgetDelegates(of account: AccountID) async throws {
        guard try delegations(of: account).octets != nil else { return }
        try await store.change([KeyValueChange(.delegates, "\(account.rawValue)", nil)])
    }

    private func delegations(of owner: AccountID) throws -> (entries: [StoredDelegates.Entry], octets: [UInt8]?) {
        guard let octets = try store.value(of: "\(owner.rawValue)", in: .delegates) else { return ([], nil) }
        return (try StoredJSON.decode(StoredDelegates.self, octets).delegates, octets)
    }
}
