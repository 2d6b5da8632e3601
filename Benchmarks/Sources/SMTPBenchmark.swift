import Conversation
import Gatehouse
import Logging
import MailModel
import MemoryStore
import NIOCore
import PostOffice
import SMTP

/// The SMTP session, without a network: what comes off a socket is there, what goes to a disk goes to memory.
struct SMTPBenchmark {
    private struct Line: Link {
        let facts = ConnectionFacts(id: 1, peerAddress: "192.0.2.7", peerPort: 40_000, localPort: 25, isLoopback: false)
        func write(_ bytes: ByteBuffer) async throws {}
        func poke() {}
        func close() {}
    }

    private struct Refused: Error {}

    func run(_ measure: Measure) async throws {
        for (octets, count) in [(4_096, 4_000), (1 << 20, 20)] {
            let message = StoreBenchmark.message(octets: octets)
            let input = Self.transaction(message)
            let worker = try await worker()
            var session = try await open(worker)
            try await measure.rate("smtp: a transaction of \(octets) octets, session alone", "messages") {
                for _ in 0..<count { try await send(input, to: &session, worker: nil) }
                return count
            }
            var whole = try await open(worker)
            try await measure.rate("smtp: the same with intake into memory", "messages") {
                for _ in 0..<count { try await send(input, to: &whole, worker: worker) }
                return count
            }
        }
    }

    private static func transaction(_ message: ByteBuffer) -> [ByteBuffer] {
        [
            ByteBuffer(
                string: "MAIL FROM:<sender@remote.example> BODY=8BITMIME\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n"),
            ByteBuffer(string: String(buffer: message) + ".\r\n"),
        ]
    }

    private func worker() async throws -> SMTPWorker {
        guard let domain = Domain("example.test"), let host = Domain("mx.example.test") else { throw Refused() }
        let log = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let clock: Timestamp.Clock = { Timestamp(rawValue: 1_795_307_700) }
        let store = MemoryStore(clock: clock)
        let gatekeeper = Gatekeeper(accounts: store, settings: .init(defaultDomain: domain), log: log, clock: clock)
        let directory = Directory(
            store: store, gatekeeper: gatekeeper, defaultDomain: domain,
            rewriting: SenderRewriting(secret: Array("0123456789abcdef".utf8), clock: { Timestamp(rawValue: 0) }))
        try await directory.add(domain: "example.test")
        _ = try await store.add(account: AccountName("alice@example.test"), passwordHash: "")
        var settings = SMTPSettings(role: .mx, hostName: host)
        settings.mailLimit = .max
        return SMTPWorker(
            settings, gatekeeper: gatekeeper, directory: directory,
            intake: Intake(store: store, clock: clock, log: log), clock: clock,
            makeID: { TransactionID(bits: UInt128.random(in: .min ... .max)) }, log: log)
    }

    private func open(_ worker: SMTPWorker) async throws -> SMTPSession {
        var session = worker.session()
        var output = ByteBuffer()
        session.begin(Line().facts, &output)
        try await send([ByteBuffer(string: "EHLO client.example\r\n")], to: &session, worker: worker)
        return session
    }

    private func send(_ pieces: [ByteBuffer], to session: inout SMTPSession, worker: SMTPWorker?) async throws {
        for piece in pieces {
            var input = piece
            var output = ByteBuffer()
            steps: while true {
                switch session.advance(&input, &output) {
                case .again: break
                case .more: break steps
                case .work(let work): session.absorb(await outcome(of: work, worker), &output)
                case .wait, .startTLS, .compress, .close: throw Refused()
                }
            }
            guard let code = output.getBytes(at: output.readerIndex, length: 1), code[0] < 0x34 else { throw Refused() }
        }
    }

    private func outcome(of work: SMTPWork, _ worker: SMTPWorker?) async -> SMTPOutcome {
        if let worker { return await worker.perform(work, Line()) }
        switch work {
        case .resolve(let path, from: _, _):
            return .resolved(
                Intake.Recipient(address: path, destinations: [.mailbox(MailboxID(rawValue: 1), of: AccountID(rawValue: 1))]))
        case .deliver, .finish: return .delivered(TransactionID(bits: 1))
        default: return .appended
        }
    }
}
