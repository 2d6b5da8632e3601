import MailModel
import MessageFormat
import NIOCore
import PostOffice
import Storage

// FETCH (RFC 9051 §6.4.5; RFC 3501; RFC 3516; RFC 7162 §3.1.4).
extension Errand {
    /// Messages that are looked up together: with their outlines, or with their rows alone.
    private static let batch = (outlines: 128, rows: 1_024)
    /// Bodies that are read at once, and how big they may be, in octets.
    private static let ahead = (bodies: 16, octets: 64 << 10)

    mutating func fetch(_ arguments: FetchArguments, _ numbering: Numbering) async throws -> Answer {
        let places = try selectedView().places(of: arguments.set, numbering)
        let plan = try FetchPlan(arguments, numbering)
        if plan.wantsModSeq { enableModSeqs() }
        var problem: Answer?
        var batch: [Range<Int>] = []
        var room = plan.needsOutline ? Errand.batch.outlines : Errand.batch.rows
        for range in places {
            var start = range.lowerBound
            while start < range.upperBound {
                let end = min(range.upperBound, start + room)
                batch.append(start..<end)
                room -= end - start
                start = end
                guard room == 0 else { continue }
                try await fetch(batch, plan, &problem)
                batch = []
                room = plan.needsOutline ? Errand.batch.outlines : Errand.batch.rows
            }
        }
        if !batch.isEmpty { try await fetch(batch, plan, &problem) }
        return problem ?? .ok("FETCH done")
    }

    private mutating func fetch(_ places: [Range<Int>], _ plan: FetchPlan, _ problem: inout Answer?) async throws {
        let view = try selectedView()
        var messages = self.messages(at: places, of: view, changedSince: plan.changedSince)
        if plan.marksSeen, !view.isReadOnly { await markSeen(&messages, of: view) }
        keywords = view.current.keywords
        tellNewKeywords(keywords)
        let outlines = plan.needsOutline ? try await self.outlines(of: messages, view, &problem) : []
        for (position, message) in messages.enumerated() {
            if plan.readsBodies, position % Errand.ahead.bodies == 0 {
                readAhead = await bodies(of: messages[position..<min(messages.count, position + Errand.ahead.bodies)], view)
            }
            let outline = plan.needsOutline ? outlines[position] : nil
            if plan.needsOutline, outline == nil { continue }
            do {
                try await write(message, outline, plan, &problem)
            } catch {
                if error is BrokenOff { throw error }
                problem = problem ?? answer(to: error)
            }
            try await flushIfFull()
        }
        readAhead = [:]
    }

    /// The small ones, read together; one that cannot be read is left to be found out.
    private func bodies(of messages: ArraySlice<FetchedMessage>, _ view: MailboxView) async -> [BodyID: ByteBuffer] {
        let mailroom = mailroom
        return await withTaskGroup(of: (BodyID, ByteBuffer)?.self) { group in
            for message in messages where Int(message.row.size) <= Errand.ahead.octets {
                group.addTask {
                    guard let bytes = try? await mailroom.read(nil, of: message.row, in: view.mailbox) else { return nil }
                    return (message.row.body, bytes)
                }
            }
            return await group.reduce(into: [:]) { found, body in if let body { found[body.0] = body.1 } }
        }
    }

    /// The rows as the client numbers them, their flags as they are now.
    private func messages(at places: [Range<Int>], of view: MailboxView, changedSince: ModSeq?) -> [FetchedMessage] {
        let live = view.current
        let isCurrent = live.highestModSeq == view.rows.highestModSeq && live.count == view.rows.count
        var found: [FetchedMessage] = []
        for range in places {
            view.rows.forEach(from: range.lowerBound) { index, known in
                guard index < range.upperBound else { return false }
                let row = isCurrent ? known : live.row(known.uid)
                if let changedSince, (row?.modSeq ?? .zero) <= changedSince { return true }
                let isNews = row.map { $0.flags != known.flags || $0.modSeq != known.modSeq } ?? false
                found.append(FetchedMessage(number: index + 1, row: row ?? known, isGone: row == nil, isNews: isNews))
                return true
            }
        }
        return found
    }

    /// RFC 9051 §6.4.5: `\Seen` is set by reading a body, and its FETCH answer says so. Mail is shown even when that cannot be stored.
    private func markSeen(_ messages: inout [FetchedMessage], of view: MailboxView) async {
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
            guard let row = live.row(messages[index].row.uid) else { continue }
            messages[index].row = row
            messages[index].isNews = true
            messages[index].showsFlags = true
        }
    }

    /// Nil for one that cannot be read.
    private func outlines(
        of messages: [FetchedMessage], _ view: MailboxView, _ problem: inout Answer?
    ) async throws -> [MessageOutline?] {
        do {
            return try await mailroom.outlines(of: messages.map(\.row), in: view.mailbox)
        } catch {
            var found: [MessageOutline?] = []
            for message in messages {
                do {
                    found.append(try await mailroom.outlines(of: [message.row], in: view.mailbox).first)
                } catch {
                    problem = problem ?? answer(to: error)
                    found.append(nil)
                }
            }
            return found
        }
    }

    /// One FETCH answer; when it cannot be given whole, nothing of it is.
    private mutating func write(
        _ message: FetchedMessage, _ outline: MessageOutline?, _ plan: FetchPlan, _ problem: inout Answer?
    ) async throws {
        let start = output.writerIndex
        let before = sentPieces
        var response = FetchResponse(UInt32(clamping: message.number), &output)
        for item in plan.items(for: message) {
            do {
                try await write(item, message, outline, &response)
            } catch {
                if sentPieces == before {
                    output.moveWriterIndex(to: start)
                    throw error
                }
                // A part of the answer is on its way.
                guard !isInLiteral, item.isContent else {
                    link.close()
                    throw BrokenOff(cause: error)
                }
                response.none(of: item, &output)
                problem = problem ?? answer(to: error)
            }
        }
        response.end(&output)
    }

    private mutating func write(
        _ item: FetchItem, _ message: FetchedMessage, _ outline: MessageOutline?, _ response: inout FetchResponse
    ) async throws {
        let row = message.row
        switch item {
        case .flags:
            if message.isNews { view?.note(row) }
            response.flags(row.flags, keywords, isRecent: view?.isRecent(row.uid, dialect) ?? false, &output)
        case .uid: response.uid(row.uid, &output)
        case .internalDate: response.internalDate(row.internalDate, &output)
        case .rfc822Size: response.size(row.size, &output)
        case .modSeq: response.modSeq(row.modSeq, &output)
        case .envelope:
            if let outline { response.envelope(outline.envelope, dialect.textMode, &output) }
        case .body:
            if let outline { response.body(outline.root, extended: false, dialect.textMode, &output) }
        case .bodyStructure:
            if let outline { response.body(outline.root, extended: true, dialect.textMode, &output) }
        case .binarySize(let path):
            response.binarySize(path, try await binarySize(path, row, outline), &output)
        default:
            try await writeContent(item, row, outline, &response)
        }
    }
}

extension FetchItem {
    /// Whether it is octets of the message.
    fileprivate var isContent: Bool {
        switch self {
        case .rfc822, .rfc822Header, .rfc822Text, .section, .binary: true
        default: false
        }
    }
}

/// A message on its way into a FETCH answer.
struct FetchedMessage: Sendable {
    let number: Int
    var row: MessageRow
    /// Expunged, and the client was not told.
    let isGone: Bool
    /// `row` differs from what the client was told.
    var isNews: Bool
    /// `\Seen` was set just now.
    var showsFlags = false
}

/// The connection had to be closed in the middle of an answer.
struct BrokenOff: Error {
    let cause: any Error
}

/// What a FETCH asks of each message.
struct FetchPlan: Sendable {
    private let items: [FetchItem]
    private let itemsAndFlags: [FetchItem]
    let needsOutline: Bool
    let readsBodies: Bool
    let marksSeen: Bool
    let wantsModSeq: Bool
    let changedSince: ModSeq?

    /// `Ending` for items that are not served: their capabilities are not advertised.
    init(_ arguments: FetchArguments, _ numbering: Numbering) throws {
        guard !arguments.vanished else { throw Ending(.bad("VANISHED is not served")) }
        for item in arguments.items where !FetchPlan.isServed(item) { throw Ending(.bad("That item is not served")) }
        var items = arguments.items
        changedSince = arguments.changedSince
        wantsModSeq = changedSince != nil || items.contains(.modSeq)
        // RFC 7162 §3.1.4.1: CHANGEDSINCE adds MODSEQ.
        if changedSince != nil, !items.contains(.modSeq) { items.append(.modSeq) }
        // RFC 9051 §6.4.9: the UID form always tells the UID.
        if numbering == .uid, !items.contains(.uid) { items.insert(.uid, at: 0) }
        self.items = items
        itemsAndFlags = items.contains(.flags) ? items : items + [.flags]
        needsOutline = items.contains(where: FetchPlan.needsOutline)
        readsBodies = items.contains(where: FetchPlan.readsBody)
        marksSeen = items.contains(where: \.marksSeen)
    }

    func items(for message: FetchedMessage) -> [FetchItem] {
        message.showsFlags ? itemsAndFlags : items
    }

    private static func isServed(_ item: FetchItem) -> Bool {
        switch item {
        case .saveDate, .emailID, .threadID, .preview: false
        default: true
        }
    }

    private static func needsOutline(_ item: FetchItem) -> Bool {
        switch item {
        case .flags, .uid, .internalDate, .rfc822Size, .modSeq, .rfc822: false
        case .section(let section, _, _): !(section.path.isEmpty && section.specifier == .whole)
        case .binary(let path, _, _), .binarySize(let path): !path.isEmpty
        default: true
        }
    }

    // Headers come with the outline.
    private static func readsBody(_ item: FetchItem) -> Bool {
        switch item {
        case .rfc822, .rfc822Text, .binary, .binarySize: true
        case .section(let section, _, _): !section.path.isEmpty || section.specifier == .whole || section.specifier == .text
        default: false
        }
    }
}
