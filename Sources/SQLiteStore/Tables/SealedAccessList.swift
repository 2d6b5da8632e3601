import FoundationEssentials
import MailModel
import NIOCore
import Storage

/// An access list as it lies on the disk, sealed under the key of the mailbox's owner.
///
/// Each entry takes the same octets for an account as for a name of that length that nobody has: the account's name stands there too, and nobody reads it.
enum SealedAccessList {
    /// Neither an account's number nor `anyone`'s.
    private static let noNumber: Int64 = -1

    private static func label(_ mailbox: MailboxID, _ owner: AccountID) -> Label {
        Label(kind: .accessList, id: mailbox.rawValue, account: owner.rawValue)
    }

    /// `name`: an account's.
    static func seal(_ list: AccessList, of mailbox: MailboxID, _ owner: AccountEntry, name: (AccountID) -> AccountName?) throws -> [UInt8] {
        var out = ByteBuffer()
        out.writeCompact(UInt64(list.entries.count))
        for (grantee, rights) in list.entries {
            let (number, text): (Int64, String) =
                switch grantee.who {
                case .anyone: (0, "")
                case .account(let id): (id.rawValue, name(id)?.folded ?? "")
                case .named(let name): (noNumber, name.value)
                }
            out.writeInteger(UInt8(grantee.isNegative ? 1 : 0))
            out.writeInteger(rights.rawValue)
            out.writeInteger(number)
            out.writeCompact(text)
        }
        return try Seal.seal(Array(out.readableBytesView), under: owner.key, as: label(mailbox, owner.record.id))
    }

    static func open(_ sealed: [UInt8], of mailbox: MailboxID, _ owner: AccountEntry) throws -> AccessList {
        var bytes = ByteBuffer(bytes: try Seal.open(sealed, under: owner.key, as: label(mailbox, owner.record.id)))
        guard let count = bytes.readCount() else { throw StorageFault.corrupt("how many entries it has") }
        var list = AccessList()
        for _ in 0..<count {
            guard let sign = bytes.readInteger(as: UInt8.self), let rights = bytes.readInteger(as: UInt16.self),
                let number = bytes.readInteger(as: Int64.self), let text = bytes.readCompactText(), let who = who(number, text)
            else { throw StorageFault.corrupt("an entry of it") }
            list.change(.replace(Rights(rawValue: rights)), of: Grantee(who, isNegative: sign != 0))
        }
        return list
    }

    private static func who(_ number: Int64, _ text: String) -> Grantee.Who? {
        switch number {
        case noNumber: GranteeName(text).map { .named($0) }
        case 0: .anyone
        default: IndexRange.id.contains(number) ? .account(AccountID(rawValue: number)) : nil
        }
    }
}
