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
        try look(.outlines) { state in try bodies.map { try state.outline($0, for: account).decoded() } }
    }

    package func digests(of bodies: [BodyID], for account: AccountID) async throws -> [BodyDigest] {
        try look(.outlines) { state in
            try bodies.map { body in
                let digest = try state.readable(body, for: account, isOutline: true).body.digest
                if case .other = digest { return digest }
                return .message(try state.outline(body, for: account).decoded())
            }
        }
    }

    package func encodedOutlines(of bodies: [BodyID], for account: AccountID) async throws -> [EncodedOutline] {
        try look(.outlines) { state in try bodies.map { try state.outline($0, for: account) } }
    }

    package func read(_ range: Range<Int>?, of body: BodyID, for account: AccountID) async throws -> ByteBuffer {
        try look(.read) { try $0.readable(body, for: account).octets }.octets(range)
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
    fileprivate func readable(_ id: BodyID, for account: AccountID, isOutline: Bool = false) throws -> Hold {
        if let (outline, fault) = bodyFaults[id], outline || !isOutline { throw fault }
        return try hold(id, for: account)
    }

    fileprivate func outline(_ id: BodyID, for account: AccountID) throws -> EncodedOutline {
        try readable(id, for: account, isOutline: true).outline
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

    func finish(_ digest: BodyDigest) async throws -> StagedBody {
        let id = try store.change(.finish) { state in
            state.nextBody += 1
            return BodyID(rawValue: state.nextBody - 1)
        }
        let octets = try state.withLock { state in
            guard case .open(let octets) = state else { throw StorageFault.unavailable("the body is finished") }
            state = .over
            return octets
        }
        if let outline = digest.outline, outline.size != octets.readableBytes {
            throw StorageFault.unavailable("the outline is that of \(outline.size) octets, but \(octets.readableBytes) were written")
        }
        return StagedBody(id: id, digest: digest, payload: MemoryBody(id: id, octets: octets, digest: digest))
    }

    func discard() {
        state.withLock { $0 = .over }
    }
}
