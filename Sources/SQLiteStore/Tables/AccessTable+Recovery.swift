import MailModel
import NIOCore
import Storage

// What the sealed catalogue says of access lists: accounts and anyone with the mailbox, names in a part of their own.
extension AccessTable {
    private static let part: UInt64 = 1

    static func describe(_ account: AccountEntry, _ tables: borrowing Catalog.State, in belongings: inout CatalogueBelongings) {
        var names = ByteBuffer()
        for index in belongings.mailboxes.indices {
            let id = belongings.mailboxes[index].id
            let list = tables.access[id]
            for (grantee, rights) in list.entries {
                guard case .named(let name) = grantee.who else {
                    belongings.mailboxes[index].access.change(.replace(rights), of: grantee)
                    continue
                }
                names.writeSigned(id.rawValue)
                names.writeCompact(grantee.isNegative ? 1 : 0)
                names.writeCompact(UInt64(rights.rawValue))
                names.writeCompact(name.value)
            }
        }
        if names.readableBytes > 0 { belongings.parts[part] = names }
    }

    private static func names(_ belongings: CatalogueBelongings) -> [MailboxID: [Grantee: Rights]] {
        var bytes = belongings.parts[part] ?? ByteBuffer()
        var found: [MailboxID: [Grantee: Rights]] = [:]
        while let id = bytes.readSigned(), let sign = bytes.readCompact(), let rights = bytes.readCompact().flatMap({ UInt16(exactly: $0) }),
            let name = bytes.readCompactText().flatMap({ GranteeName($0) })
        {
            found[MailboxID(rawValue: id), default: [:]][Grantee(.named(name), isNegative: sign != 0)] = Rights(rawValue: rights)
        }
        return found
    }

    /// Of mailboxes that were made anew, as far as the accounts are there that are named.
    ///
    /// An account may have come by a name since the catalogue was written, or have come, gone and come again: it gets nothing by that name, but what is taken
    /// from the name is taken from it.
    static func restore(_ belongings: CatalogueBelongings, of account: AccountEntry, _ recovery: Recovery, _ connection: Connection) throws {
        let names = names(belongings)
        for mailbox in belongings.mailboxes where recovery.touched.contains(mailbox.id) {
            var list = AccessList()
            for (grantee, rights) in mailbox.access.entries {
                if case .account(let id) = grantee.who, recovery.accountKeys[id] == nil { continue }
                list.change(.replace(rights), of: grantee)
            }
            for (grantee, rights) in names[mailbox.id] ?? [:] {
                guard case .named(let name) = grantee.who, let id = recovery.account(named: name) else {
                    list.change(.replace(rights), of: grantee)
                    continue
                }
                if grantee.isNegative {
                    list.change(.add(rights), of: Grantee(.account(id), isNegative: true))
                } else {
                    recovery.report.note(
                        "mailbox \(mailbox.id.rawValue): account \(id.rawValue) may have got rights by its name, which it has to be given again")
                }
            }
            guard !list.isEmpty else { continue }
            let sealed = try SealedAccessList.seal(list, of: mailbox.id, account) { recovery.name(of: $0) }
            try connection.run("INSERT OR REPLACE INTO access_list VALUES (?,?)", .int(mailbox.id.rawValue), .blob(sealed))
        }
    }
}

extension Recovery {
    fileprivate func name(of account: AccountID) -> AccountName? { catalogue?.accounts[account]?.record.name ?? accountKeys[account]?.name }

    fileprivate func account(named name: GranteeName) -> AccountID? { accountKeys.keys.first { self.name(of: $0)?.folded == name.value } }
}
