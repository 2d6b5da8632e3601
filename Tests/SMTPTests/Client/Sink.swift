import Conversation
import MailModel
import NIOCore
import Synchronization

/// Another server, in memory, which does as it is told. Nothing really waits: who would have to wait moves its clock.
final class Sink: ByteStream, Dialler {
    /// What it says, and when. `✂` in an answer: there it closes. An empty one: it is silent.
    struct Plan: Sendable {
        var greeting = "220 mx.remote.example ready\r\n"
        var offers = ["PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME"]
        /// Once it is in TLS; nil: the same, but for STARTTLS.
        var offersInTLS: [String]?
        var handshakeFault: StreamFault?
        /// By how a command begins (`.` is the end of the text), one after the other, the last again and again.
        var answers: [String: [String]] = [:]
        /// So many octets into the text it says that, too.
        var interruption: (octets: Int, words: String)?
        /// So many octets into the text it takes no more, and does not close.
        var stallsAfter: Int?
        /// What is read at once, and how long each takes.
        var drip: (octets: Int, pause: Duration) = (.max, .zero)
        /// It ends without a FIN.
        var resets = false
        var isLoopback = false
        var isLMTP = false
    }

    private enum Mode {
        case command
        case text
        case chunk(left: Int, isLast: Bool)
    }

    private struct State {
        var input = ""
        var output = ByteBuffer()
        var mode = Mode.command
        var commands: [String] = []
        var texts: [String] = []
        var text = ""
        var accepted = 0
        var asked: [String: Int] = [:]
        var waits: [Duration] = []
        var now = ContinuousClock.Instant.now
        var tls: TLSFacts?
        var terms: TLSTerms?
        var isClosed = false
        var isLeft = false
        var dials: [String] = []
        var hasInterrupted = false
        var read = 0
    }

    private let plan: Plan
    private let state = Mutex(State())

    init(_ plan: Plan = Plan()) {
        self.plan = plan
        state.withLock { say(plan.greeting, &$0) }
    }

    // MARK: What became of it

    var commands: [String] { state.withLock { $0.commands } }
    /// The texts that came whole, as they were on the wire.
    var texts: [String] { state.withLock { $0.texts } }
    /// Patiences that ended.
    var waits: [Duration] { state.withLock { $0.waits } }
    var dials: [String] { state.withLock { $0.dials } }
    var terms: TLSTerms? { state.withLock { $0.terms } }
    /// The client has closed.
    var isLeft: Bool { state.withLock { $0.isLeft } }
    /// Octets of what it said that were read.
    var octetsRead: Int { state.withLock { $0.read } }
    var clock: @Sendable () -> ContinuousClock.Instant { { self.state.withLock { $0.now } } }

    /// Of its own accord.
    func speak(_ words: String) { state.withLock { say(words, &$0) } }

    // MARK: The stream

    func dial(_ address: String, port: Int, source: String?, patience: Duration) async throws -> any ByteStream {
        state.withLock { $0.dials.append("\(address) \(port) \(source ?? "-") \(patience)") }
        return self
    }

    /// Whence the client comes.
    static let ownAddress = "192.0.2.2"

    var facts: ConnectionFacts {
        ConnectionFacts(
            id: 1, peerAddress: "192.0.2.25", peerPort: 25, localAddress: Sink.ownAddress, localPort: 40_000, isLoopback: plan.isLoopback,
            tls: state.withLock { $0.tls })
    }

    func read(patience: Duration) async throws -> ByteBuffer? {
        try state.withLock { state in
            if state.isLeft { throw StreamFault.closed }
            state.now += plan.drip.pause
            if let bytes = state.output.readSlice(length: min(state.output.readableBytes, min(plan.drip.octets, 64 * 1024))), bytes.readableBytes > 0 {
                state.read += bytes.readableBytes
                return bytes
            }
            if state.isClosed {
                if plan.resets { throw StreamFault.closed }
                return nil
            }
            if patience > .zero {
                state.now += patience
                state.waits.append(patience)
            }
            throw StreamFault.timedOut
        }
    }

    func write(_ bytes: ByteBuffer, patience: Duration) async throws {
        try state.withLock { state in
            if state.isClosed || state.isLeft { throw StreamFault.closed }
            state.input += String(buffer: bytes)
            while step(&state) {}
            if let most = plan.stallsAfter, state.text.utf8.count >= most {
                state.waits.append(patience)
                throw StreamFault.timedOut
            }
            // What lies there when it closes is answered with a reset.
            if state.isClosed, !state.input.isEmpty { throw StreamFault.closed }
        }
    }

    func startTLS(_ terms: TLSTerms, patience: Duration) async throws {
        try state.withLock { state in
            state.terms = terms
            state.output = ByteBuffer()
            state.commands.append("(TLS)")
            if let fault = plan.handshakeFault { throw fault }
            state.tls = TLSFacts(version: "TLSv1.3", serverName: terms.serverName)
            if !state.commands.contains("STARTTLS") { say(plan.greeting, &state) }
        }
    }

    func close() { state.withLock { $0.isLeft = true } }

    // MARK: The server

    private func step(_ state: inout State) -> Bool {
        guard !state.isClosed else { return false }
        switch state.mode {
        case .command:
            guard let end = state.input.utf8.firstRange(of: "\r\n".utf8) else { return false }
            let line = String(state.input[..<end.lowerBound])
            state.input = String(state.input[end.upperBound...])
            state.commands.append(line)
            obey(line, &state)
        case .text:
            take(state.input.utf8.count, &state)
            guard state.text.hasPrefix(".\r\n") || state.text.utf8.firstRange(of: "\r\n.\r\n".utf8) != nil else { return false }
            finish(&state)
        case .chunk(let left, let isLast):
            let count = min(left, state.input.utf8.count)
            take(count, &state)
            state.mode = .chunk(left: left - count, isLast: isLast)
            guard left == count else { return false }
            state.mode = .command
            if isLast { finish(&state) } else { say(answer("BDAT", "250 2.0.0 so far\r\n", &state), &state) }
        }
        return true
    }

    private func take(_ count: Int, _ state: inout State) {
        state.text += String(decoding: state.input.utf8.prefix(count), as: UTF8.self)
        state.input = String(decoding: state.input.utf8.dropFirst(count), as: UTF8.self)
        if let (octets, words) = plan.interruption, state.text.utf8.count >= octets, !state.hasInterrupted {
            state.hasInterrupted = true
            say(words, &state)
            // What was on its way.
            if state.isClosed { state.input = "…" }
        }
    }

    private func finish(_ state: inout State) {
        guard !state.isClosed else { return }
        state.texts.append(state.text)
        state.text = ""
        state.mode = .command
        for _ in 0..<(plan.isLMTP ? state.accepted : 1) { say(answer(".", "250 2.0.0 taken\r\n", &state), &state) }
        state.accepted = 0
    }

    private func obey(_ line: String, _ state: inout State) {
        let verb = line.prefix { $0 != " " }.uppercased()
        switch verb {
        case "EHLO", "LHLO":
            let offers = state.tls == nil ? plan.offers : plan.offersInTLS ?? plan.offers.filter { $0 != "STARTTLS" }
            let lines = ["mx.remote.example"] + offers
            let text = lines.enumerated().map { "250\($0.offset + 1 == lines.count ? " " : "-")\($0.element)\r\n" }.joined()
            say(answer(line, text, &state), &state)
        case "STARTTLS": say(answer(line, "220 2.0.0 go ahead\r\n", &state), &state)
        case "RCPT":
            let words = answer(line, "250 2.1.5 ok\r\n", &state)
            if words.hasPrefix("2") { state.accepted += 1 }
            say(words, &state)
        case "DATA":
            let words = answer(line, state.accepted > 0 ? "354 go on\r\n" : "503 5.5.1 no recipients\r\n", &state)
            if words.hasPrefix("354") { state.mode = .text }
            say(words, &state)
        case "BDAT":
            let parts = line.split(separator: " ")
            state.mode = .chunk(left: Int(parts[1]) ?? 0, isLast: parts.count > 2)
        case "RSET":
            state.accepted = 0
            say(answer(line, "250 2.0.0 ok\r\n", &state), &state)
        case "QUIT": say("221 2.0.0 bye\r\n✂", &state)
        default: say(answer(line, "250 2.0.0 ok\r\n", &state), &state)
        }
    }

    private func answer(_ line: String, _ usual: String, _ state: inout State) -> String {
        for (start, answers) in plan.answers where line.hasPrefix(start) {
            let count = state.asked[start, default: 0]
            state.asked[start] = count + 1
            return answers[min(count, answers.count - 1)]
        }
        return usual
    }

    private func say(_ words: String, _ state: inout State) {
        guard !state.isClosed else { return }
        let parts = words.split(separator: "✂", omittingEmptySubsequences: false)
        state.output.writeString(String(parts.first ?? ""))
        if parts.count > 1 { state.isClosed = true }
    }
}
