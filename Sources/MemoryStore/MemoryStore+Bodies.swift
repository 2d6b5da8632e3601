package import MailModel
package import MessageFormat
package import NIOCore
package import Storage
import Synchronization

extension MemoryStore {
    package func receive(expected: Int?) async throws -> any BodySink {
        try look(.receive) { _ in }
        return MemorySink(self)
    }

    package func outlines(of bodies: [BodyID], for account: AccountID) async throws -> [MessageOutline] {
        try look(.outlines) { state in try bodies.map { try state.readable($0, for: account, isOutline: true).outline } }
    }

    package func encodedOutlines(of bodies: [BodyID], for account: AccountID) async throws -> [EncodedOutline] {
        try look(.outlines) { state in try bodies.map { EncodedOutline(try state.readable($0, for: account, isOutline: true).outline) } }
    }

    package func read(_ range: Range<Int>?, of body: BodyID, for account: AccountID) async throws -> ByteBuffer {
        let octets = try look(.read) { try $0.readable(body, for: account).octets }
        guard let range else { return octets }
        let clamped = range.clamped(to: 0..<octets.readableBytes)
        return octets.getSlice(at: octets.readerIndex + clamped.lowerBound, length: clamped.count) ?? ByteBuffer()
    }

    package func read(_ bodies: [BodyID], for account: AccountID) async throws -> [ByteBuffer] {
        try look(.read) { state in try bodies.map { try state.readable($0, for: account).octets } }
    }
}

extension MemoryStore {
    /// From now on reading that body throws `fault`, and of its outline too where `outline` says so; nil: it can be read again.
    package func fail(_ body: BodyID, outline: Bool = false, with fault: StorageFault?) {
        state.withLock { $0.bodyFaults[body] = fault.map { (outline, $0) } }
    }
}

extension MemoryState {
    fileprivate func readable(_ id: BodyID, for account: AccountID, isOutline: Bool = false) throws -> MemoryBody {
        if let (outline, fault) = bodyFaults[id], outline || !isOutline { throw fault }
        return try body(id, for: account)
    }
}

final class MemorySink: BodySink {
    private enum State {
        case open(ByteBuffer)
        case over
    }

    private let store: MemoryStore
    private let state = Mutex(State.open(ByteBuffer()))

    init(_ store: MemoryStore) { self.store = store }

    func write(_ bytes: ByteBuffer) async throws {
        try store.look(.write) { _ in }
        try state.withLock { state in
            guard case .open(var octets) = state else { throw StorageFault.unavailable("the body is finished") }
            state = .over
            octets.writeImmutableBuffer(bytes)
            state = .open(octets)
        }
    }

    func finish(_ outline: MessageOutline) async throws -> StagedBody {
        let id = try store.change(.finish) { state in
            state.nextBody += 1
            return BodyID(rawValue: state.nextBody - 1)
        }
        let octets = try state.withLock { state in
            guard case .open(let octets) = state else { throw StorageFault.unavailable("the body is finished") }
            state = .over
            return octets
        }
        guard outline.size == octets.readableBytes else {
            throw StorageFault.unavailable("the outline is that of \(outline.size) octets, but \(octets.readableBytes) were written")
        }
        return StagedBody(id: id, outline: outline, payload: MemoryBody(id: id, octets: octets, outline: outline))
    }

    func discard() {
        state.withLock { $0 = .over }
    }
}
