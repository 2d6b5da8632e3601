import MailModel
import MessageFormat
import NIOCore
import Storage

/// Writes FETCH answers from what is at hand: the one place where each item is written. Only what must be read first is written elsewhere (`Fetch+Content`).
struct FetchWriter {
    let keywords: KeywordTable
    /// Nil where nothing is told of \Recent.
    let recent: NumberSet?
    let dialect: Dialect
    /// Bodies that are in memory.
    let bodies: [BodyID: ByteBuffer]
    let particulars: [UID: MessageParticulars]

    /// A whole answer. False when something must be read first; then what was written is no answer.
    func write(_ message: FetchedMessage, _ steps: [FetchStep], _ text: inout WireText) throws -> Bool {
        var response = begin(message, &text)
        for step in steps { guard try write(step, message, &response, &text) else { return false } }
        response.end(&text)
        return true
    }

    func begin(_ message: FetchedMessage, _ text: inout WireText) -> FetchResponse {
        FetchResponse(message.number, message.row.uid, dialect, &text)
    }

    /// One item. False when something must be read first; then what was written does not count.
    func write(_ step: FetchStep, _ message: FetchedMessage, _ response: inout FetchResponse, _ text: inout WireText) throws -> Bool {
        let row = message.row
        switch step {
        case .flags: response.flags(row.flags, keywords, further: message.further, isRecent: recent?.contains(row.uid) ?? false, &text)
        case .uid: response.uid(row.uid, &text)
        case .internalDate: response.internalDate(row.internalDate, &text)
        case .size: response.size(row.size, &text)
        case .modSeq: response.modSeq(row.modSeq, &text)
        case .emailID: response.emailID(row.body, &text)
        case .threadID: response.threadID(particulars[row.uid]?.thread, &text)
        case .saveDate: response.saveDate(particulars[row.uid]?.saveDate, &text)
        case .envelope: try response.envelope(of: try message.knownOutline(), dialect.textMode, &text)
        case .structure(let extended): try response.body(of: try message.knownOutline(), extended: extended, dialect.textMode, &text)
        case .preview: response.preview(try message.knownValues().preview, dialect.textMode, &text)
        case .content(let content):
            guard case .message(let section) = content.source else { return false }
            response.begin(named: content.name, &text)
            return try write(section, content, message, &text)
        case .binarySize: return false
        }
        return true
    }

    private func write(_ section: ContentStep.Section, _ content: ContentStep, _ message: FetchedMessage, _ text: inout WireText) throws -> Bool {
        if case .whole = section { return writeBody(of: message.row, from: 0, content, &text) }
        var isWritten = false
        try message.knownOutline().read { (reader) throws(OutlineCorrupt) in
            isWritten = write(section, of: try reader.head(), content, message.row, &text)
        }
        return isWritten
    }

    private func write(
        _ section: ContentStep.Section, of head: OutlineHead, _ content: ContentStep, _ row: MessageRow, _ text: inout WireText
    ) -> Bool {
        switch section {
        case .whole, .text: return writeBody(of: row, from: min(head.headerSize, head.size), content, &text)
        case .header, .mime:
            guard let header = head.header else { return false }
            writeLiteral(header, content, &text)
        case .fields(let selection):
            guard let header = head.header else { return false }
            text.writeLiteral(window: content.window) { text in
                selection.forEachRun(of: header) { text.write($0) }
            }
        }
        return true
    }

    private func writeBody(of row: MessageRow, from start: Int, _ content: ContentStep, _ text: inout WireText) -> Bool {
        guard let body = bodies[row.body], body.readableBytes == Int(row.size), start <= body.readableBytes else { return false }
        body.withUnsafeReadableBytes { writeLiteral(UnsafeRawBufferPointer(rebasing: $0[start...]), content, &text) }
        return true
    }

    private func writeLiteral(_ octets: UnsafeRawBufferPointer, _ content: ContentStep, _ text: inout WireText) {
        let shown = UnsafeRawBufferPointer(rebasing: octets[content.window(of: octets.count)])
        text.writeLiteralHeader(octets: shown.count)
        text.write(shown)
    }
}

extension CommandExecution {
    /// For the messages at hand.
    var fetchWriter: FetchWriter {
        FetchWriter(
            keywords: keywords, recent: dialect.isRev2 ? nil : view?.recent, dialect: dialect, bodies: readAhead, particulars: particulars)
    }
}
