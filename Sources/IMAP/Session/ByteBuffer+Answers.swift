import MailModel
import NIOCore
import Storage

// What a session says, in the grammar's words.
extension ByteBuffer {
    mutating func writeTagged(_ tag: Tag, _ answer: StatusResponse) {
        writeResponse(tag, answer.condition, answer.code, answer.text)
    }

    mutating func writeUntagged(_ answer: StatusResponse) {
        writeResponse(nil, answer.condition, answer.code, answer.text)
    }

    /// FLAGS and PERMANENTFLAGS (RFC 9051 §7.3.5, §7.1).
    mutating func writeFlagsOf(_ table: KeywordTable, _ view: MailboxView) {
        let system: SystemFlags = [.answered, .flagged, .deleted, .seen, .draft]
        writeFlagsLine(system, table.keywords)
        // RFC 4314 §5.1.1: those that the user may change.
        let scope = view.isReadOnly ? [] : view.scope
        let keywords = scope.contains(.others) ? table.keywords : []
        let permanent = ResponseCode.permanentFlags(
            system.intersection(scope.system), keywords, canCreate: scope.contains(.others) && (!table.isFull || view.current.hasRoomForKeyword))
        writeUntagged(.ok("Flags that stay", permanent))
    }

    mutating func writeFlagsOf(_ view: MailboxView) { writeFlagsOf(view.rows.keywords, view) }

    mutating func writeNews(_ news: MailboxView.News, _ view: MailboxView, _ dialect: Dialect) {
        if dialect.tellsVanished {
            writeVanished(news.vanished)
        } else {
            for number in news.expunged { writeExpunge(UInt32(clamping: number)) }
        }
        writeArrival(news.exists, news.hasNewKeywords, view, dialect)
        for (number, row, further) in news.changed { writeChanged(number, row, further, view, dialect) }
    }

    mutating func writeArrival(_ exists: Int?, _ hasNewKeywords: Bool, _ view: MailboxView, _ dialect: Dialect) {
        if let exists {
            writeExists(exists)
            if !dialect.isRev2 { writeRecent(view.recentCount) }
        }
        if hasNewKeywords { writeFlagsOf(view) }
    }

    /// A FETCH answer that nobody asked for.
    mutating func writeChanged(_ number: Int, _ row: MessageRow, _ further: FurtherKeywords, _ view: MailboxView, _ dialect: Dialect) {
        writeText(about: 160) { text in
            var response = FetchResponse(number, row.uid, dialect, &text)
            response.uid(row.uid, &text)
            response.flags(row.flags, view.rows.keywords, further: further, isRecent: view.isRecent(row.uid, dialect), &text)
            if dialect.hasModSeqs { response.modSeq(row.modSeq, &text) }
            response.end(&text)
        }
    }
}

extension FetchResponse {
    /// `number`: of the message.
    init(_ number: Int, _ uid: UID, _ dialect: Dialect, _ text: inout WireText) {
        if dialect.isUIDOnly { self.init(uid: uid, &text) } else { self.init(UInt32(clamping: number), &text) }
    }
}

extension MailboxView {
    /// IMAP4rev2 knows no \Recent.
    func isRecent(_ uid: UID, _ dialect: Dialect) -> Bool { !dialect.isRev2 && recent.contains(uid) }
}
