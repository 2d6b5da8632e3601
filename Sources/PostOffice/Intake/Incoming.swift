import Glibc
import NIOCore
import Storage
import Synchronization

/// A body on its way into the house, whoever brings it: its octets go through repairs, a scan and the checks into the store, where they lie sealed until they are
/// placed. One piece of work at a time may use it. Dropped before it is placed, it leaves nothing behind.
///
/// After a failure what comes is passed over, and `stage` throws the reason.
package final class Incoming: Sendable {
    struct State: Sendable {
        /// Octets that wait: of a header that has yet to be judged.
        var held = ByteBuffer()
        var repair: Repair
        /// Of mail whose text may be binary: comes before `repair`.
        var binary: BinaryText?
        var loans = HeaderLoans()
        var digester: any Digester
        var observers: [any TextObserver]
        /// From the first octets that are kept on, until the text is all there.
        var sink: (any BodySink)?
        var fault: (any Error)?
        /// It has octets above 127. Looked at only in what goes on to other servers.
        var isEightBit = false
        /// Once it is whole.
        var staged: StagedBody?
    }

    /// Octets that the sender announced, where it did.
    package let expected: Int?
    /// Who asks before anything is kept; nil: nobody does.
    private let reception: MailReception?
    let state: Mutex<State>

    /// Of a client's own, which is kept as it comes. `isBinary`: parts of it may be binary (RFC 3516 §4.4); they are stored as base64.
    package init(expected: Int?, isBinary: Bool = false, digester: any Digester = MessageDigester()) {
        self.expected = expected
        reception = nil
        state = Mutex(State(repair: isBinary ? .binary(BinaryParts()) : .none, digester: digester, observers: []))
    }

    /// Of mail, whose header is held until its end (or `MailReception.heldHeader`), for what is decided by it.
    init(_ reception: MailReception, expected: Int?) {
        self.expected = expected
        self.reception = reception
        state = Mutex(
            State(
                repair: .header(IncomingHeader(ownName: reception.envelope.host)), binary: reception.envelope.isBinary ? BinaryText() : nil,
                digester: MessageDigester(),
                observers: reception.makeObservers()))
    }

    deinit { discard() }

    /// Octets that it holds in memory once it is whole, but for its bytes, which the store counts.
    package var weight: Int { state.withLock { 1_024 + ($0.staged?.digest.outline?.header?.readableBytes ?? 0) } }

    /// The next octets, as they come. Waits while too much is on its way to the disk.
    func take(_ octets: ByteBuffer, into store: any BodyStore) async throws {
        guard octets.readableBytes > 0, state.withLock({ $0.fault == nil }) else { return }
        try await attempt {
            let wasJudged = state.withLock { state in
                for index in state.observers.indices { state.observers[index].take(octets) }
                return state.isJudged
            }
            try await pass(state.withLock { try $0.repaired(octets, reception?.budget) }, wasJudged: wasJudged, to: store)
        }
    }

    /// No more octets come: all of it, sealed. Throws why it is not taken.
    func stage(in store: any BodyStore) async throws -> StagedBody {
        let (fault, known) = state.withLock { ($0.fault, $0.staged) }
        if let fault { throw fault }
        if let known { return known }
        return try await attempt {
            let wasJudged = state.withLock { $0.isJudged }
            try await pass(state.withLock { try $0.rest() }, wasJudged: wasJudged, to: store)
            let sink = try await sink(in: store)
            let (digest, observers) = state.withLock { ($0.digester.finish(), $0.observers) }
            try await reception?.judgeText(observers)
            let staged = try await sink.finish(digest)
            state.withLock { state in
                state.sink = nil
                state.staged = staged
            }
            return staged
        }
    }

    /// A failure ends it.
    private func attempt<Value>(_ work: () async throws -> Value) async throws -> Value {
        do { return try await work() } catch {
            discard(error)
            throw error
        }
    }

    private func discard(_ fault: (any Error)? = nil) {
        let sink = state.withLock { state in
            defer {
                state.sink = nil
                state.held = ByteBuffer()
                state.loans = HeaderLoans()
                state.observers = []
                state.fault = state.fault ?? fault
            }
            return state.sink
        }
        sink?.discard()
    }

    /// Keeps a piece. A header is judged when it is all there, or so much of it as is held; what was held goes first then.
    private func pass(_ piece: ByteBuffer?, wasJudged: Bool, to store: any BodyStore) async throws {
        guard let piece else { return }
        var text = piece
        if let reception, let survey = state.withLock({ $0.repair.survey }), !wasJudged || state.withLock({ $0.sink == nil }) {
            if survey.isComplete || state.withLock({ $0.sink == nil }) { try await reception.judgeHeader(survey) }
            if state.withLock({ $0.sink == nil }), let added = reception.additions(survey, room: text.readableBytes) {
                text = added
                text.writeImmutableBuffer(piece)
            }
        }
        let sink = try await sink(in: store)
        guard text.readableBytes > 0 else { return }
        state.withLock { state in
            state.digester.take(text)
            if reception?.isOutgoing == true, !state.isEightBit { state.isEightBit = text.withUnsafeReadableBytes { $0.contains { $0 >= 0x80 } } }
        }
        try await sink.write(text)
    }

    private func sink(in store: any BodyStore) async throws -> any BodySink {
        if let sink = state.withLock({ $0.sink }) { return sink }
        let sink = try await store.receive(expected: expected)
        state.withLock { state in
            state.sink = sink
            state.loans = HeaderLoans()
        }
        return sink
    }
}

extension Incoming.State {
    /// Nothing of a header is still to come; always so where there is none to judge.
    fileprivate var isJudged: Bool { repair.survey?.isComplete ?? true }

    /// What of the next octets is kept now; nil: nothing yet.
    fileprivate mutating func repaired(_ octets: ByteBuffer, _ budget: LoanBudget?) throws -> ByteBuffer? {
        switch repair {
        case .none:
            guard !octets.holdsNUL else { throw MailroomRefusal.holdsNUL }
            return octets
        case .binary(var parts):
            let recoded = parts.recode(octets)
            repair = .binary(parts)
            guard !recoded.holdsNUL else { throw MailroomRefusal.holdsNUL }
            return recoded.readableBytes > 0 ? recoded : nil
        case .header(var header):
            let text = try binary?.recode(octets) ?? octets
            guard text.readableBytes > 0 else { return nil }
            guard !header.survey.isComplete else { return text }
            // Only `header` has it now, so that changing it copies nothing.
            repair = .none
            header.consume(text, into: &held)
            let isWhole = header.survey.isComplete
            repair = .header(header)
            if sink == nil, let budget { try loans.cover(held, from: budget) }
            return isWhole || sink != nil || held.readableBytes >= MailReception.heldHeader ? takeHeld() : nil
        }
    }

    /// What the end brings; nil: nothing more.
    fileprivate mutating func rest() throws -> ByteBuffer? {
        switch repair {
        case .none: return nil
        case .binary(var parts):
            let last = parts.finish()
            repair = .binary(parts)
            guard !last.holdsNUL else { throw MailroomRefusal.holdsNUL }
            return last.readableBytes > 0 ? last : nil
        case .header(var header):
            let last = try binary?.finish() ?? ByteBuffer()
            guard !header.survey.isComplete else { return last.readableBytes > 0 ? last : nil }
            header.consume(last, into: &held)
            header.finish(into: &held)
            repair = .header(header)
            return takeHeld()
        }
    }

    private mutating func takeHeld() -> ByteBuffer {
        defer { held = ByteBuffer() }
        return held
    }
}

extension ByteBuffer {
    fileprivate var holdsNUL: Bool {
        withUnsafeReadableBytes { octets in octets.baseAddress.map { memchr($0, 0, octets.count) != nil } ?? false }
    }
}
