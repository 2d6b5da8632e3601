import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Storage

/// An item of FETCH that a message's row, its outline and its body in memory answer; prepared once for all messages of a command.
enum ListStep: Sendable {
    case flags
    case uid
    case internalDate
    case size
    case modSeq
    case envelope
    case structure(extended: Bool)
    /// A literal behind the item's name.
    case literal(name: [UInt8], Source, Partial?)

    enum Source: Sendable {
        case whole
        case text
        case header
        case fields(HeaderSelection)
    }

    /// Nil for an item that looks into parts, or decodes.
    init?(_ item: FetchItem) {
        switch item {
        case .flags: self = .flags
        case .uid: self = .uid
        case .internalDate: self = .internalDate
        case .rfc822Size: self = .size
        case .modSeq: self = .modSeq
        case .envelope: self = .envelope
        case .body: self = .structure(extended: false)
        case .bodyStructure: self = .structure(extended: true)
        case .rfc822: self = .literal(name: FetchResponse.name(of: item), .whole, nil)
        case .rfc822Header: self = .literal(name: FetchResponse.name(of: item), .header, nil)
        case .rfc822Text: self = .literal(name: FetchResponse.name(of: item), .text, nil)
        case .section(let section, _, let partial):
            guard let source = Source(section) else { return nil }
            self = .literal(name: FetchResponse.name(of: item), source, partial)
        default: return nil
        }
    }
}

extension ListStep.Source {
    fileprivate init?(_ section: BodySection) {
        guard section.path.isEmpty else { return nil }
        switch section.specifier {
        case .whole: self = .whole
        case .text: self = .text
        case .header: self = .header
        case .headerFields(let names): self = .fields(HeaderSelection(names: names, excluding: false))
        case .headerFieldsNot(let names): self = .fields(HeaderSelection(names: names, excluding: true))
        case .mime: return nil
        }
    }
}

// Lists of messages: nothing here waits.
extension Errand {
    /// Why `writeLists` came back.
    enum ListStop {
        case end
        /// There is much to send.
        case full
        /// Something of the message at `index` must be read first.
        case mustRead
        /// The message before `index` cannot be shown.
        case failed(any Error)
    }

    /// Answers for `messages[index...]` until something else must be done first; `index` is moved behind what was answered.
    mutating func writeLists(_ messages: [FetchedMessage], from index: inout Int, _ plan: FetchPlan) -> ListStop {
        let list = MessageList(keywords: keywords, recent: dialect.isRev2 ? nil : view?.recent, dialect: dialect, bodies: readAhead)
        // What an answer takes, as those before it did.
        var about = 512
        while index < messages.count {
            guard output.readableBytes < Errand.flushSize else { return .full }
            let message = messages[index]
            guard let steps = plan.steps(for: message) else { return .mustRead }
            let start = output.writerIndex
            var isWritten = false
            do {
                try output.writeText(about: about) { isWritten = try list.write(message, steps, &$0) }
            } catch {
                index += 1
                return .failed((error as? OutlineCorrupt).map(message.corrupt) ?? error)
            }
            guard isWritten else {
                output.moveWriterIndex(to: start)
                return .mustRead
            }
            // Not before: flags that could not be shown are news still.
            if message.isNews, plan.showsFlags(of: message) { view?.note(message.row) }
            about = output.writerIndex - start + 64
            index += 1
        }
        return .end
    }
}

/// What answers of a list are made of, besides the messages.
private struct MessageList {
    let keywords: KeywordTable
    /// Nil where nothing is told of \Recent.
    let recent: NumberSet?
    let dialect: Dialect
    /// Those that were read.
    let bodies: [BodyID: ByteBuffer]

    /// False when something must be read; then what was written is no answer.
    func write(_ message: FetchedMessage, _ steps: [ListStep], _ text: inout WireText) throws -> Bool {
        let row = message.row
        var response = FetchResponse(message.number, row.uid, dialect, &text)
        for step in steps {
            switch step {
            case .flags: response.flags(row.flags, keywords, further: message.further, isRecent: recent?.contains(row.uid) ?? false, &text)
            case .uid: response.uid(row.uid, &text)
            case .internalDate: response.internalDate(row.internalDate, &text)
            case .size: response.size(row.size, &text)
            case .modSeq: response.modSeq(row.modSeq, &text)
            case .envelope: try response.envelope(of: try message.knownOutline(), dialect.textMode, &text)
            case .structure(let extended): try response.body(of: try message.knownOutline(), extended: extended, dialect.textMode, &text)
            case .literal(let name, let source, let partial):
                response.beginLiteral(named: name, &text)
                guard try write(source, partial, message, &text) else { return false }
            }
        }
        response.end(&text)
        return true
    }

    private func write(_ source: ListStep.Source, _ partial: Partial?, _ message: FetchedMessage, _ text: inout WireText) throws -> Bool {
        if case .whole = source { return writeBody(of: message.row, from: 0, partial, &text) }
        var isWritten = false
        try message.knownOutline().read { (reader) throws(OutlineCorrupt) in
            isWritten = write(source, of: try reader.head(), partial, message.row, &text)
        }
        return isWritten
    }

    private func write(
        _ source: ListStep.Source, of head: OutlineHead, _ partial: Partial?, _ row: MessageRow, _ text: inout WireText
    ) -> Bool {
        switch source {
        case .whole, .text: return writeBody(of: row, from: min(head.headerSize, head.size), partial, &text)
        case .header:
            guard let header = head.header else { return false }
            writeLiteral(header, partial, &text)
        case .fields(let selection):
            guard let header = head.header else { return false }
            text.writeLiteral(window: { Errand.window(of: $0, partial) }) { text in
                selection.forEachRun(of: header) { text.write($0) }
            }
        }
        return true
    }

    private func writeBody(of row: MessageRow, from start: Int, _ partial: Partial?, _ text: inout WireText) -> Bool {
        guard let body = bodies[row.body], body.readableBytes == Int(row.size), start <= body.readableBytes else { return false }
        body.withUnsafeReadableBytes { writeLiteral(UnsafeRawBufferPointer(rebasing: $0[start...]), partial, &text) }
        return true
    }

    private func writeLiteral(_ octets: UnsafeRawBufferPointer, _ partial: Partial?, _ text: inout WireText) {
        let shown = UnsafeRawBufferPointer(rebasing: octets[Errand.window(of: octets.count, partial)])
        text.writeLiteralHeader(octets: shown.count)
        text.write(shown)
    }
}
