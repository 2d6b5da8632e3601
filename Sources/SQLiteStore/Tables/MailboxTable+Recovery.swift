import FoundationEssentials
import MailModel
import Storage

// What the sealed catalogue says of mailboxes, but for their messages.
extension MailboxTable {
    static func describe(_ account: AccountEntry, _ tables: borrowing Catalog.State, in belongings: inout CatalogueBelongings) {
        let entries = (tables.mailboxes.names[account.record.id] ?? [:]).values.compactMap { tables.mailboxes[$0] }
        belongings.mailboxes = entries.sorted { $0.record.id < $1.record.id }.map { mailbox in
            CatalogueBelongings.Mailbox(
                id: mailbox.record.id, name: mailbox.record.name, specialUse: mailbox.record.specialUse, uidValidity: mailbox.record.uidValidity,
                uidNext: mailbox.uidNext, modSeq: mailbox.modSeq, keywords: mailbox.keywords, access: AccessList())
        }
    }

    static func restore(_ belongings: CatalogueBelongings, of account: AccountEntry, _ recovery: Recovery, _ connection: Connection) throws {
        for mailbox in belongings.mailboxes { try restore(mailbox, of: account, recovery, connection) }
    }

    /// With its id, name, UIDVALIDITY, and keywords; UIDNEXT and ModSeq lie above what any client can have seen.
    private static func restore(
        _ mailbox: CatalogueBelongings.Mailbox, of account: AccountEntry, _ recovery: Recovery, _ connection: Connection
    ) throws {
        let id = mailbox.id.rawValue
        guard try connection.number("SELECT 1 FROM mailbox WHERE id=?", .int(id)) == nil else { return }
        let told = recovery.catalogue?.messages(of: mailbox.id, account.key)
        if told == nil { recovery.report.note("mailbox \(id): the catalogue's messages of it do not open") }
        let next = max(mailbox.uidNext, told?.uidNext ?? 0)
        // 0: every UID was given out.
        let raised = mailbox.uidNext == 0 || next > UInt32.max - Recovery.uidGap ? mailbox.uidNext : next + Recovery.uidGap
        let keywords = told?.keywords ?? mailbox.keywords
        try connection.run(
            "INSERT INTO mailbox (id, account, sealed_name, special_use, uid_validity, uid_next, mod_seq, messages, unseen, deleted, size, "
                + "recent_floor, keywords) VALUES (?,?,?,?,?,?,?,0,0,0,0,?,?)",
            .int(id), .int(account.record.id.rawValue), .blob(try seal(mailbox.name, of: mailbox.id, account)),
            mailbox.specialUse.map { .text($0.rawValue) } ?? .null, .int(Int64(mailbox.uidValidity.rawValue)), .int(Int64(raised)),
            .int(Int64(clamping: account.modSeq.rawValue)), .int(Int64(next == 0 ? 0 : next - 1)), .text(keywords.firstText))
        if keywords.hasFurther { try connection.run("INSERT OR REPLACE INTO keyword VALUES (?,?)", .int(id), .text(keywords.furtherText)) }
        recovery.touched.insert(mailbox.id)
    }
}
