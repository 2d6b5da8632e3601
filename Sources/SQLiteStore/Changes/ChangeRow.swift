import Crypto
import MailModel
import Storage

/// A row of the change log as it lies on the disk.
struct ChangeRow {
    static let columns = "mod_seq, kind, mailbox, uids, names"

    /// The row's ranges of UIDs, by which a page is bounded.
    let ranges: Int
    let change: Change

    /// The statement gives `columns`. A row that cannot be read is `corrupt`: it is never as if nothing had happened.
    init(_ row: Statement, of account: AccountID, _ key: SymmetricKey) throws {
        func wrong(_ what: String) -> StorageFault { .corrupt("change log of account \(account.rawValue), ModSeq \(row.int(0)): \(what)") }
        guard IndexRange.id.contains(row.int(0)), let modSeq = ModSeq(rawValue: UInt64(row.int(0))) else { throw wrong("it is none") }
        guard let kind = ChangeKind(rawValue: row.int(1)) else { throw wrong("a change of kind \(row.int(1))") }
        let mailbox = MailboxID(rawValue: row.int(2))
        var names: ChangeNames?
        if !row.isNull(4) {
            do {
                names = try ChangeNames.open(row.blob(4), in: ChangeNames.label(account, modSeq, kind, mailbox), under: key)
            } catch StorageFault.corrupt(let reason) {
                throw wrong(reason)
            }
        }
        var uids = NumberSet()
        if kind == .placed || kind == .flags || kind == .expunged {
            guard let set = NumberSet(packed: row.blob(3)) else { throw wrong("a set of UIDs") }
            uids = set
        }
        ranges = uids.ranges.count
        let what: Change.Kind =
            switch kind {
            case .placed: .placed(uids, in: mailbox)
            case .flags: .flags(uids, in: mailbox)
            case .expunged: .expunged(uids, in: mailbox)
            case .mailboxCreated: .mailboxCreated(mailbox, name: names?.new)
            case .mailboxDeleted: .mailboxDeleted(mailbox, name: names?.old)
            case .mailboxRenamed: .mailboxRenamed(mailbox, from: names?.old, to: names?.new)
            case .subscription: .subscription(to: names?.new ?? names?.old, isSubscribed: names?.new != nil)
            case .rights: .rights(of: mailbox)
            case .metadata: .metadata(of: mailbox.rawValue == 0 ? nil : mailbox)
            }
        change = Change(what, of: account, at: modSeq)
    }
}

/// What something was called before a change and is called since. A subscription that ended has an old name, one that began a new one.
struct ChangeNames: Equatable {
    var old: MailboxName?
    var new: MailboxName?

    static func label(_ account: AccountID, _ modSeq: ModSeq, _ kind: ChangeKind, _ mailbox: MailboxID) -> Label {
        // Kinds are below 16, and ids of mailboxes are far below 2^60.
        Label(
            kind: .change, id: Int64(clamping: modSeq.rawValue), account: account.rawValue,
            chunk: UInt64(bitPattern: mailbox.rawValue) << 4 | UInt64(bitPattern: kind.rawValue))
    }

    /// The old name, NUL, the new name; either may be empty.
    func seal(in label: Label, under key: SymmetricKey) throws -> [UInt8] {
        try Seal.seal(Array((old?.value ?? "").utf8) + [0] + Array((new?.value ?? "").utf8), under: key, as: label)
    }

    static func open(_ sealed: [UInt8], in label: Label, under key: SymmetricKey) throws -> ChangeNames {
        let plain = Array(try Seal.open(sealed, under: key, as: label))
        guard let end = plain.firstIndex(of: 0) else { throw StorageFault.corrupt("change log: names without an end") }
        func name(_ octets: ArraySlice<UInt8>) throws -> MailboxName? {
            guard !octets.isEmpty else { return nil }
            guard let name = MailboxName(String(decoding: octets, as: UTF8.self)) else { throw StorageFault.corrupt("change log: what is no name") }
            return name
        }
        return ChangeNames(old: try name(plain[..<end]), new: try name(plain[(end + 1)...]))
    }
}
