import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Storage

// FETCH (RFC 9051 §6.4.5; RFC 3501; RFC 3516; RFC 7162 §3.1.4).
extension CommandExecution {
    /// Batches that are read while one is written.
    private static let ahead = 2
    /// Messages that are written one by one before others on the event loop have their turn.
    private static let turn = 32

    mutating func fetch(_ arguments: FetchArguments, _ numbering: Numbering) async throws -> StatusResponse {
        let view = try selectedView()
        let places = try await withRows(of: view) {
            try limited(page(of: view.places(of: arguments.set, numbering), arguments, numbering), of: view)
        }
        let plan = FetchPlan(arguments, numbering, dialect)
        if arguments.vanished { try await tellVanished(arguments, numbering) }
        if plan.wantsModSeq { enableModSeqs() }
        var problem: StatusResponse?
        var batches = FetchBatches(places, plan)
        var begun: [FetchBatch] = []
        while true {
            let view = try selectedView()
            while begun.count <= CommandExecution.ahead, let messages = try await withRows(of: view, { try batches.next(of: view) }) {
                begun.append(FetchBatch(messages, plan, mailroom, view.mailbox, on: link.executor))
            }
            guard !begun.isEmpty else { break }
            try await write(begun.removeFirst(), plan, &problem)
        }
        return problem ?? .ok("FETCH done")
    }

    private mutating func write(_ batch: FetchBatch, _ plan: FetchPlan, _ problem: inout StatusResponse?) async throws {
        let view = try selectedView()
        var messages = batch.messages
        if plan.marksSeen, !view.isReadOnly { try await markSeen(&messages, of: view) }
        keywords = view.current.keywords
        tellNewKeywords(keywords)
        if plan.needsParticulars { try await readParticulars(of: messages, view) }
        try await addOutlines(&messages, of: batch, view, &problem)
        readAhead = await batch.readBodies()
        var index = 0
        var alone = 0
        while true {
            switch writeLists(messages, from: &index, plan) {
            case .end:
                readAhead = [:]
                if messages.isEmpty { await Task.yield() }
                return
            case .full: break
            case .failed(let error): problem = problem ?? answer(to: error)
            case .mustRead:
                do {
                    try await write(messages[index], plan, &problem)
                } catch {
                    // Nobody reads on.
                    if error is BrokenOff || error is CancellationError { throw error }
                    problem = problem ?? answer(to: error)
                }
                index += 1
                alone += 1
                if alone.isMultiple(of: CommandExecution.turn) { await Task.yield() }
            }
            try await flushIfFull()
        }
    }

    /// What cannot be read is left out, with its message.
    private func addOutlines(
        _ messages: inout [FetchedMessage], of batch: FetchBatch, _ view: MailboxView, _ problem: inout StatusResponse?
    ) async throws {
        guard let outlines = batch.outlines else { return }
        do {
            let found = try await outlines.value
            for index in messages.indices { messages[index].outline = found[index] }
        } catch {
            var readable: [FetchedMessage] = []
            for var message in messages {
                do {
                    message.outline = try await mailroom.encodedOutlines(of: [message.row], in: view.mailbox).first
                    readable.append(message)
                } catch {
                    problem = problem ?? answer(to: error)
                }
            }
            messages = readable
        }
    }

    /// RFC 9051 §6.4.5: `\Seen` is set by reading a body, and its FETCH answer says so. Mail is shown even when that cannot be stored.
    private func markSeen(_ messages: inout [FetchedMessage], of view: MailboxView) async throws {
        let unseen = NumberSet(messages.lazy.filter { !$0.isGone && !$0.row.flags.contains(.seen) }.map(\.row.uid))
        guard !unseen.isEmpty else { return }
        do {
            _ = try await mailroom.change(.add(Flags(system: .seen)), of: unseen, in: view.mailbox)
        } catch {
            _ = answer(to: error)
            return
        }
        let live = view.current
        for index in messages.indices where unseen.contains(messages[index].row.uid) {
            let uid = messages[index].row.uid
            guard let row = try await withRows(of: view, { try live.row(uid) }) else { continue }
            messages[index].row = row
            messages[index].isNews = true
            messages[index].showsFlags = true
        }
    }

    /// One FETCH answer of items some of which must be read by themselves; when it cannot be given whole, nothing of it is.
    private mutating func write(_ message: FetchedMessage, _ plan: FetchPlan, _ problem: inout StatusResponse?) async throws {
        var message = message
        if plan.needsValues { try message.decode() }
        let start = output.writerIndex
        let before = sentPieces
        let writer = fetchWriter
        var response = FetchResponse()
        output.write(&response) { $0 = writer.begin(message, &$1) }
        for step in plan.steps(for: message) {
            do {
                if try write(step, message, writer, &response) { continue }
                try await writeByReading(step, &message, &response)
            } catch {
                if sentPieces == before {
                    output.moveWriterIndex(to: start)
                    throw error
                }
                // A part of the answer is on its way.
                guard !isInLiteral, case .content(let content) = step else {
                    link.close()
                    throw BrokenOff(cause: error)
                }
                output.write(&response) { $0.none(named: content.name, &$1) }
                problem = problem ?? answer(to: error)
            }
        }
        output.write(&response) { $0.end(&$1) }
        // Not before: flags that could not be shown are news still.
        if message.isNews, plan.showsFlags(of: message) { view?.note(message.row) }
    }

    /// False, and nothing is written, when something must be read first.
    private mutating func write(_ step: FetchStep, _ message: FetchedMessage, _ writer: FetchWriter, _ response: inout FetchResponse) throws -> Bool {
        guard step.isOfLists else { return false }
        let (start, before) = (output.writerIndex, response)
        var isWritten = false
        try output.write(&response, about: message.outline.map { max(160, $0.octets.count) } ?? 160) { isWritten = try writer.write(step, message, &$0, &$1) }
        guard !isWritten else { return true }
        output.moveWriterIndex(to: start)
        response = before
        return false
    }

    private mutating func writeByReading(_ step: FetchStep, _ message: inout FetchedMessage, _ response: inout FetchResponse) async throws {
        switch step {
        case .binarySize(let path):
            let size = try await binarySize(path, message)
            output.write(&response) { $0.binarySize(path, size, &$1) }
        case .content(let content):
            if content.needsOutline { try message.decode() }
            try await writeContent(content, message, &response)
        default:
            throw Ending(.bad("That item is not served"))
        }
    }
}
