import MailModel
import Storage

extension Transaction {
    /// A row of the account's change log. `packed`: UIDs, packed.
    func log(
        _ kind: ChangeKind, _ account: AccountID, _ modSeq: ModSeq, _ mailbox: MailboxID, packed: [UInt8] = [], names: ChangeNames? = nil
    ) throws {
        var sealed = SQLValue.null
        if let names {
            sealed = .blob(try names.seal(in: ChangeNames.label(account, modSeq, kind, mailbox), under: try self.account(account).key))
        }
        try write(
            "INSERT INTO change (account, mod_seq, kind, mailbox, uids, names) VALUES (?,?,?,?,?,?)",
            .int(account.rawValue), .int(Int64(modSeq.rawValue)), .int(kind.rawValue), .int(mailbox.rawValue), .blob(packed), sealed)
    }

    /// The change that a record of the ledger carries out is still told: then the e-mail ids of the messages whose rows go are kept for it. A copy of
    /// very many messages that came to nothing has no row in the log.
    func tells(of record: LedgerRecord) throws -> Bool {
        try connection.number(
            "SELECT 1 FROM change WHERE account=?1 AND mod_seq=?2 AND kind IN (\(ChangeKind.expunged.rawValue),\(ChangeKind.mailboxDeleted.rawValue)) "
                + "AND mailbox=?3 AND mod_seq>coalesce((SELECT mod_seq FROM change_floor WHERE account=?1), 0)",
            .int(record.account.rawValue), .int(Int64(record.modSeq.rawValue)), .int(record.mailbox.rawValue)) != nil
    }

    func keep(_ departed: DepartedMessages, of record: LedgerRecord) throws {
        guard let last = departed.messages.last, try tells(of: record) else { return }
        try write(
            "INSERT OR REPLACE INTO departed VALUES (?,?,?,?,?)",
            .int(record.account.rawValue), .int(Int64(record.modSeq.rawValue)), .int(record.mailbox.rawValue), .int(Int64(last.uid)),
            .blob(departed.packed))
    }
}
