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
    case literal(name: ByteBuffer, Source, Partial?)

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
        while index < messages.count {
            guard output.readableBytes < Errand.flushSize else { return .full }
            let message = messages[index]
            guard let steps = plan.steps(for: message) else { return .mustRead }
            let start = output.writerIndex
            do {
                guard try write(message, steps) else {
                    output.moveWriterIndex(to: start)
                    return .mustRead
                }
            } catch {
                output.moveWriterIndex(to: start)
                index += 1
                return .failed((error as? OutlineCorrupt).map(message.corrupt) ?? error)
            }
            index += 1
        }
        return .end
    }

    /// False when something must be read; then what was written is no answer.
    private mutating func write(_ message: FetchedMessage, _ steps: [ListStep]) throws -> Bool {
        let row = message.row
        var response = output.beginFetch(message.number, row.uid, dialect)
        for step in steps {
            switch step {
            case .flags:
                if message.isNews { view?.note(row) }
                response.flags(row.flags, keywords, isRecent: view?.isRecent(row.uid, dialect) ?? false, &output)
            case .uid: response.uid(row.uid, &output)
            case .internalDate: response.internalDate(row.internalDate, &output)
            case .size: response.size(row.size, &output)
            case .modSeq: response.modSeq(row.modSeq, &output)
            case .envelope: try response.envelope(of: try message.knownOutline(), dialect.textMode, &output)
            case .structure(let extended):
                try response.body(of: try message.knownOutline(), extended: extended, dialect.textMode, &output)
            case .literal(let name, let source, let partial):
                guard try write(source, name, partial, message, &response) else { return false }
            }
        }
        response.end(&output)
        return true
    }

    private mutating func write(
        _ source: ListStep.Source, _ name: ByteBuffer, _ partial: Partial?, _ message: FetchedMessage, _ response: inout FetchResponse
    ) throws -> Bool {
        if case .whole = source { return writeBody(from: 0, name, partial, message.row, &response) }
        // Not `EncodedOutline.read`: what is generic over the error is not specialised, and this is what lists of headers consist of.
        var corrupt: OutlineCorrupt?
        let isWritten = try message.knownOutline().octets.withUnsafeBytes { octets in
            var reader = OutlineReader(octets)
            do throws(OutlineCorrupt) {
                return write(source, of: try reader.head(), name, partial, message.row, &response)
            } catch {
                corrupt = error
                return false
            }
        }
        if let corrupt { throw corrupt }
        return isWritten
    }

    private mutating func write(
        _ source: ListStep.Source, of head: OutlineHead, _ name: ByteBuffer, _ partial: Partial?, _ row: MessageRow, _ response: inout FetchResponse
    ) -> Bool {
        if case .text = source { return writeBody(from: min(head.headerSize, head.size), name, partial, row, &response) }
        guard let header = head.header else { return false }
        guard case .fields(let selection) = source else {
            writeLiteral(header, name, partial, &response)
            return true
        }
        var selected = selected
        self.selected = ByteBuffer()
        selected.clear()
        selection.write(header, to: &selected)
        selected.withUnsafeReadableBytes { writeLiteral($0, name, partial, &response) }
        self.selected = selected
        return true
    }

    private mutating func writeBody(
        from start: Int, _ name: ByteBuffer, _ partial: Partial?, _ row: MessageRow, _ response: inout FetchResponse
    ) -> Bool {
        guard let body = readAhead[row.body], body.readableBytes == Int(row.size), start <= body.readableBytes else { return false }
        body.withUnsafeReadableBytes { writeLiteral(UnsafeRawBufferPointer(rebasing: $0[start...]), name, partial, &response) }
        return true
    }

    private mutating func writeLiteral(
        _ octets: UnsafeRawBufferPointer, _ name: ByteBuffer, _ partial: Partial?, _ response: inout FetchResponse
    ) {
        let shown = UnsafeRawBufferPointer(rebasing: octets[Errand.window(of: octets.count, partial)])
        response.literal(named: name, octets: shown.count, &output)
        output.writeBytes(shown)
    }
}
