import Conversation
import NIOCore
import Synchronization

/// A line protocol for tests: `ECHO x`, `RECORD x` (work that is noted at once and waits for the gate `x`), `STREAM octets`, `SYNC` (waits
/// for all work before the next line), `PATIENCE ms`, `LEAST octets`, `POKEME`, `STARTTLS`, `COMPRESS`, `QUIT`; `FLOOD x` and `SPIN x`, which are counted under x
/// (`SPIN`: work that yields again and again until the mark or the thousandth time), and `MARK`, which marks how far they are.
struct ToySession: LineSession {
    enum Work: Sendable {
        case record(String)
        case stream(Int)
        case pokeMe
        case spin(String)
    }

    var patience: Duration
    var inputLimit = 8 * 1024
    var leastProgress = 1
    var secureNow = false
    var client: ClientCertificate?
    var underWay = 0
    var isSyncing = false
    var pokes = 0
    var lines = 0
    let goesOn: Bool
    let tally: Tally

    mutating func begin(_ facts: ConnectionFacts, _ output: inout ByteBuffer) {
        client = facts.tls?.client
        output.writeString("* HELLO \(facts.peerAddress) \(facts.tls?.version ?? "plain") \(facts.tls?.serverName ?? "-")\r\n")
    }

    mutating func advance(_ input: inout ByteBuffer, _ output: inout ByteBuffer) -> Step<Work> {
        for _ in 0..<pokes { output.writeString("* POKED\r\n") }
        pokes = 0
        while true {
            if isSyncing {
                guard underWay == 0 else { return .wait }
                isSyncing = false
                output.writeString("SYNCED\r\n")
            }
            guard let end = input.readableBytesView.firstIndex(of: 10),
                let line = input.readString(length: end - input.readerIndex + 1)?.dropLast(1)
            else { return .more }
            lines += 1
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            switch words.first {
            case "ECHO": output.writeString("OK \(words.last ?? "")\r\n")
            case "RECORD":
                underWay += 1
                return .work(.record(words.last ?? ""))
            case "STREAM":
                underWay += 1
                return .work(.stream(Int(words.last ?? "") ?? 0))
            case "POKEME":
                underWay += 1
                return .work(.pokeMe)
            case "FLOOD":
                tally.count(words.last ?? "")
                return .again
            case "SPIN":
                underWay += 1
                return .work(.spin(words.last ?? ""))
            case "MARK":
                tally.mark()
                output.writeString("MARKED\r\n")
            case "PATIENCE": patience = .milliseconds(Int(words.last ?? "") ?? 0)
            case "LEAST": leastProgress = Int(words.last ?? "") ?? 1
            case "SYNC": isSyncing = true
            case "STARTTLS":
                output.writeString("READY\r\n")
                return .startTLS
            case "COMPRESS":
                output.writeString("DEFLATED\r\n")
                return .compress
            case "CLIENT":
                let words = client.map { "\($0.subject) \($0.addresses.joined(separator: ",")) \($0.serial.count) \($0.digest.count)" } ?? "nobody"
                output.writeString("CLIENT \(words)\r\n")
            case "STATE": output.writeString("STATE \(secureNow ? "secure" : "plain")\r\n")
            case "QUIT":
                output.writeString("BYE\r\n")
                return .close
            default: output.writeString("BAD \(line)\r\n")
            }
        }
    }

    mutating func absorb(_ outcome: String, _ output: inout ByteBuffer) {
        underWay -= 1
        output.writeString("DONE \(outcome)\r\n")
    }

    mutating func secured(_ tls: TLSFacts) {
        secureNow = true
        client = tls.client
    }
    mutating func poke() { pokes += 1 }

    mutating func expire(_ output: inout ByteBuffer) -> Bool {
        output.writeString("* EXPIRED\r\n")
        return goesOn
    }

    mutating func shutdown(_ output: inout ByteBuffer) { output.writeString("* SHUTDOWN\r\n") }
}

final class ToyWorker: LineWorker {
    struct Ledger {
        var begun: [String] = []
        var cancelled: [String] = []
        var threadsBefore: [String: UInt64] = [:]
        var threadsAfter: [String: UInt64] = [:]
        var gates: [String: Gate] = [:]
        var produced = 0
        var failedWrites = 0
        /// Those of them that were nobody's fault.
        var cancelledWrites = 0
    }

    let ledger = Mutex(Ledger())
    let patience: Duration
    let goesOn: Bool
    let tally = Tally()
    /// The sessions that ended, as they end.
    let ended: AsyncStream<ToySession>
    private let ending: AsyncStream<ToySession>.Continuation

    init(patience: Duration = .seconds(600), goesOn: Bool = false) {
        self.patience = patience
        self.goesOn = goesOn
        (ended, ending) = AsyncStream.makeStream()
    }

    func session() -> ToySession { ToySession(patience: patience, goesOn: goesOn, tally: tally) }

    /// Work of this name waits for it.
    func gate(_ name: String) -> Gate {
        ledger.withLock { ledger in
            let gate = ledger.gates[name] ?? Gate()
            ledger.gates[name] = gate
            return gate
        }
    }

    func perform(_ work: ToySession.Work, _ link: any Link) async -> String {
        switch work {
        case .record(let name):
            let gate = ledger.withLock { ledger in
                ledger.begun.append(name)
                ledger.threadsBefore[name] = currentThread()
                return ledger.gates[name]
            }
            await gate?.wait()
            ledger.withLock { $0.threadsAfter[name] = currentThread() }
            if Task.isCancelled { ledger.withLock { $0.cancelled.append(name) } }
            return name
        case .stream(let octets):
            var left = octets
            while left > 0 {
                let piece = ByteBuffer(repeating: 0x78, count: min(left, 64 * 1024))
                left -= piece.readableBytes
                ledger.withLock { $0.produced += piece.readableBytes }
                do { try await link.write(piece) } catch {
                    ledger.withLock {
                        $0.failedWrites += 1
                        $0.cancelledWrites += error is CancellationError ? 1 : 0
                    }
                    return "failed"
                }
            }
            return "streamed"
        case .pokeMe:
            for _ in 0..<100 { link.poke() }
            return "poked"
        case .spin(let name):
            repeat {
                tally.count(name)
                await Task.yield()
            } while !tally.isMarked && tally.counts[name, default: 0] < 1_000
            return "spun"
        }
    }

    func closed(_ session: ToySession) { ending.yield(session) }
}

/// Closed until it is opened; opens for a cancelled task.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        } onCancel: {
            open()
        }
    }

    func open() {
        let waiting = state.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        waiting.forEach { $0.resume() }
    }
}

/// Counts what several connections do, and how much of it between two moments.
final class Tally: Sendable {
    private struct State {
        var counts: [String: Int] = [:]
        var total = 0
        var start: (total: Int, begin: @Sendable () -> Void)?
        var begun: Int?
        var marked: Int?
    }

    private let state = Mutex(State())

    /// `begin` is called once, when `total` have been counted.
    func start(at total: Int, _ begin: @escaping @Sendable () -> Void) { state.withLock { $0.start = (total, begin) } }

    func count(_ name: String) {
        let begin = state.withLock { state -> (@Sendable () -> Void)? in
            state.counts[name, default: 0] += 1
            state.total += 1
            guard let start = state.start, state.total >= start.total else { return nil }
            state.start = nil
            state.begun = state.total
            return start.begin
        }
        begin?()
    }

    func mark() { state.withLock { if $0.marked == nil { $0.marked = $0.total } } }

    var isMarked: Bool { state.withLock { $0.marked != nil } }
    var counts: [String: Int] { state.withLock { $0.counts } }

    /// What was counted from the call of `begin` to the mark.
    var between: Int? { state.withLock { state in state.begun.flatMap { begun in state.marked.map { $0 - begun } } } }
}
