import MailModel
import Storage

extension BodyReader {
    /// Rows about further keywords without a message, and keywords of messages that the mailbox does not know.
    func faultsOfKeywords(_ entry: MailboxEntry, _ table: MailboxSnapshot) throws -> [String] {
        let id = entry.record.id.rawValue
        var faults: [String] = []
        let alone =
            try connection.number(
                "SELECT count(*) FROM further WHERE mailbox=? AND NOT EXISTS (SELECT 1 FROM message WHERE message.mailbox=further.mailbox "
                    + "AND message.uid=further.uid)", .int(id)) ?? 0
        if alone > 0 { faults.append("mailbox \(id): keywords of \(alone) messages that are not there") }
        // As the transaction sees them: the entry in memory may be another.
        guard let known = try KeywordTable.read(of: entry.record.id, connection) else { return faults }
        if !known.isWhole { faults.append("mailbox \(id): its keywords from place \(FlagBits.places) on are lost") }
        let unknown = (table.used ?? FlagSet()).places.filter { known.table.place($0) == nil }
        if !unknown.isEmpty { faults.append("mailbox \(id): messages have keywords at places \(unknown.prefix(8)), where none is") }
        return faults
    }
}
