import Conversation
import NIOCore

/// Why a conversation cannot go on.
enum Breakage: Error, Hashable {
    case closed
    /// No answer came in time.
    case silent
    /// It took nothing in time.
    case stalled
    case malformed(ReplyReader.Fault)
    /// A reply that nobody asked for, or that has no business there.
    case outOfStep(String)
    /// 421 (RFC 5321 §3.8).
    case signedOff(ServerReply)

    /// In one line.
    var text: String {
        switch self {
        case .closed: "the connection was closed"
        case .silent: "no answer came in time"
        case .stalled: "nothing more was taken in time"
        case .malformed(.tooLong): "a reply was too long"
        case .malformed(.noReply): "what was answered is no reply"
        case .malformed(.mixedCodes): "the lines of a reply had different codes"
        case .outOfStep(let what): "a reply out of turn: \(what)"
        case .signedOff(let reply): reply.remote.written
        }
    }
}

/// Commands out, replies in. With one owner, who waits for each.
final class Dialogue {
    enum Glance {
        case nothing
        case reply(ServerReply)
        case broken(Breakage)
    }

    let stream: any ByteStream
    let settings: ClientSettings
    private let now: @Sendable () -> ContinuousClock.Instant
    private var reader = ReplyReader()

    init(_ stream: any ByteStream, _ settings: ClientSettings, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.stream = stream
        self.settings = settings
        self.now = now
    }

    /// Octets lie here that are no answer to anything.
    var isAhead: Bool { reader.isAhead }

    /// Command lines, without CRLF.
    func say(_ lines: String...) async throws(Breakage) { try await say(lines) }

    func say(_ lines: [String]) async throws(Breakage) {
        var output = ByteBuffer()
        for line in lines { output.writeString(line + "\r\n") }
        try await write(output)
    }

    func write(_ bytes: ByteBuffer) async throws(Breakage) {
        do { try await stream.write(bytes, patience: settings.write) } catch {
            throw error as? StreamFault == .timedOut ? .stalled : .closed
        }
    }

    /// The next reply: all of it within `patience`, however it drips.
    func reply(within patience: Duration) async throws(Breakage) -> ServerReply {
        let deadline = now() + patience
        while true {
            if let reply = try next() { return reply }
            let left = now().duration(to: deadline)
            guard left > .zero else { throw .silent }
            let bytes: ByteBuffer?
            do { bytes = try await stream.read(patience: left) } catch { throw error as? StreamFault == .timedOut ? .silent : .closed }
            guard let bytes else { throw .closed }
            reader.feed(bytes)
        }
    }

    /// What has come already, though nobody asked.
    func glance() async -> Glance {
        do throws(Breakage) {
            if let reply = try next() { return .reply(reply) }
            let bytes: ByteBuffer?
            do { bytes = try await stream.read(patience: .zero) } catch {
                guard error as? StreamFault == .timedOut else { throw .closed }
                return isAhead ? .broken(.outOfStep("half of one")) : .nothing
            }
            guard let bytes else { throw .closed }
            reader.feed(bytes)
            if let reply = try next() { return .reply(reply) }
            return .broken(.outOfStep("half of one"))
        } catch {
            return .broken(error)
        }
    }

    /// After a write that went wrong: the refusal that may have been the reason (what a server says before it closes); nil where there is none.
    /// - parameter expected: answers that may come before it.
    func lastWords(behind expected: Int = 0) async -> ServerReply? {
        for _ in 0...expected {
            do throws(Breakage) {
                let reply = try await reply(within: settings.lastWords)
                if reply.code >= 400 { return reply }
            } catch {
                // catch: there are no last words; the write's own fault is told.
                return nil
            }
        }
        return nil
    }

    /// What was said in clear is forgotten (RFC 3207 §4.2).
    func startTLS(_ terms: TLSTerms) async throws(StreamFault) {
        reader = ReplyReader()
        do { try await stream.startTLS(terms, patience: settings.handshake) } catch {
            switch error as? StreamFault {
            case .tls(let failure): throw .tls(failure)
            case .timedOut: throw .tls(TLSFailure(.validation, "the handshake took too long"))
            default: throw .tls(TLSFailure(.validation, "the connection was closed in the midst of the handshake"))
            }
        }
    }

    private func next() throws(Breakage) -> ServerReply? {
        do throws(ReplyReader.Fault) { return try reader.next() } catch { throw .malformed(error) }
    }
}
