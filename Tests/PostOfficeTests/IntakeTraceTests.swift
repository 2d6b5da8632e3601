import Logging
import MailModel
import MemoryStore
import NIOCore
import PostOffice
import Rehearsal
import Storage
import Synchronization
import Testing

@Suite("What is told of a message that comes in")
final class IntakeTraceTests: Sendable {
    private static let now = Timestamp(rawValue: 1_795_307_700)
    private static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let pieces = Mutex<[TraceRecorder.Piece]>([])

    private func taken(_ text: String, _ change: (inout Intake.Envelope) throws -> Void = { _ in }) async throws -> [TraceEvent] {
        let store = MemoryStore { Self.now }
        try await store.add(domain: try #require(Domain("example.test")))
        let account = try await store.add(account: AccountName("alice@example.test"), passwordHash: "$argon2id$x")
        let inbox = try #require(try await store.mailbox(named: .inbox, of: account.id))
        let intake = Intake(store: store, clock: { Self.now }, log: Self.log, trace: { piece in self.pieces.withLock { $0.append(piece) } })
        let remote = ForwardPath.mailbox(try #require(Address("dora@remote.example")))
        var envelope = Intake.Envelope(
            id: try #require(TransactionID("id-1")), reversePath: .mailbox(try #require(Address("ann@remote.example"))),
            recipients: [
                Intake.Recipient(
                    address: .mailbox(try #require(Address("alice@example.test"))), destinations: [.mailbox(inbox.id, of: account.id), .queue(remote)])
            ], isSMTPUTF8: false, trace: ByteBuffer(string: "Received: by us;\r\n\tnow\r\n"), submission: nil)
        try change(&envelope)
        _ = try await intake.deliver(envelope, ByteBuffer(string: text))
        return pieces.withLock { $0 }.flatMap { $0() }
    }

    @Test("how it came, what was said of it, where it lies, and that it goes on")
    func life() async throws {
        let events = try await taken("Message-ID: <a@b.example>\r\n\r\nbody\r\n") { envelope in
            var client = Intake.Client(address: "192.0.2.9", isSecured: true, name: "mx.remote.example")
            client.tlsVersion = "TLSv1.3"
            envelope.client = client
            envelope.annotations = [HeadField("Authentication-Results", "us; spf=pass")]
        }
        #expect(events.map(\.kind) == [.received, .judged, .filed, .queued] && events.allSatisfy { $0.transaction.value == "id-1" && $0.time == Self.now })
        let received = try #require(events.first)
        #expect(received.name == "<a@b.example>")
        #expect(received.fields["address"] == "192.0.2.9" && received.fields["host"] == "mx.remote.example" && received.fields["tls"] == "TLSv1.3")
        #expect(received.fields["sender"] == "ann@remote.example" && received.fields["recipients"] == "1")
        #expect(events[1].fields == ["field": "Authentication-Results", "verdict": "us; spf=pass"])
        #expect(events[2].fields["recipient"] == "alice@example.test" && events[2].fields["uid"] == "1" && events[2].fields["mailbox"] != nil)
        let queue = try #require(events[3].fields["queue"])
        #expect(events[3].fields["recipient"] == "dora@remote.example" && events[3].name == "queue:\(queue)")
    }

    @Test("a Message-ID that looks like an entry's number names no entry; without one there is none")
    func names() async throws {
        #expect(try await taken("Message-ID: queue:5\r\n\r\n").first?.name == nil)
    }

    @Test("a program's user is told by number, the null sender as such")
    func local() async throws {
        let events = try await taken("\r\nx\r\n") { envelope in
            var client = Intake.Client(address: "127.0.0.1", isSecured: false)
            client.localUser = 33
            envelope.client = client
            envelope.reversePath = .null
        }
        #expect(events.first?.fields["user"] == "userid 33" && events.first?.fields["tls"] == "none" && events.first?.fields["sender"] == "<>")
        #expect(events.first?.name == nil)
    }
}
