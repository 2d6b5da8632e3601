import MailModel
import PostOffice
import Storage

// STATUS (RFC 9051 §6.3.11; RFC 7162 §3.1.7; RFC 8438; RFC 7889 §4; RFC 9208 §4.1.4).
extension CommandExecution {
    mutating func status(_ mailbox: MailboxArgument, _ items: [StatusItem]) async throws -> StatusResponse {
        let (record, status) = try await mailroom.status(of: try existing(mailbox), of: principal)
        prepareStatus(items)
        try await writeStatus(record, status, items)
        return .ok("STATUS done")
    }

    /// Asking for HIGHESTMODSEQ turns CONDSTORE on.
    mutating func prepareStatus(_ items: [StatusItem]) {
        if items.contains(.highestModSeq) { enableModSeqs() }
    }

    mutating func writeStatus(_ record: MailboxRecord, _ status: MailboxStatus, _ items: [StatusItem]) async throws {
        let deletedStorage = items.contains(.deletedStorage) ? try await mailroom.deletedStorage(of: record, for: principal) : 0
        let values = items.map { item -> (item: StatusItem, value: StatusValue) in
            switch item {
            case .messages: (item, .number(UInt64(clamping: status.messages)))
            case .uidNext: (item, .number(UInt64(status.uidNext.rawValue)))
            case .uidValidity: (item, .number(UInt64(status.uidValidity.rawValue)))
            case .unseen: (item, .number(UInt64(clamping: status.unseen)))
            case .deleted: (item, .number(UInt64(clamping: status.deleted)))
            case .deletedStorage: (item, .number(UInt64(clamping: deletedStorage)))
            case .size: (item, .number(UInt64(clamping: status.size)))
            case .recent: (item, .number(UInt64(clamping: recent(status))))
            case .highestModSeq: (item, .number(status.highestModSeq.rawValue))
            case .appendLimit: (item, .number(UInt64(clamping: worker.settings.messageLimit)))
            // RFC 8474 §4.3.
            case .mailboxID: (item, .mailboxID(record.id))
            }
        }
        output.writeStatus(record.name, values, dialect.textMode)
    }

    // RFC 3501 §6.3.10. At most what has come since somebody claimed it; what of that has gone again is not known here.
    private func recent(_ status: MailboxStatus) -> Int {
        let above = Int(status.uidNext.rawValue) - 1 - Int(status.recentFloor)
        return max(0, min(above, status.messages))
    }
}
