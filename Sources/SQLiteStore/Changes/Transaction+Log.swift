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

    /// Keeps the e-mail ids of messages whose rows go for the change that the record carries out. Nothing is looked up: where a page of the log is damaged, rows
    /// go all the same.
    func keep(_ departed: DepartedMessages, of record: LedgerRecord) throws {
        guard record.isTold, let last = departed.messages.last else { return }
        try write(
            "INSERT OR REPLACE INTO departed VALUES (?,?,?,?,?)",
            .int(record.account.rawValue), .int(Int64(record.modSeq.rawValue)), .int(record.mailbox.rawValue), .int(Int64(last.uid)),
            .blob(departed.packed))
    }
}
