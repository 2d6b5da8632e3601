import MailModel
import NIOCore
import Storage
import Synchronization

@testable import PostOffice

/// A carrier whose servers answer what the test says.
final class ScriptedCarrier: Carrier {
    /// What was handed over.
    struct Delivery: Sendable {
        let server: MailServer
        let connection: Int
        let reversePath: ReversePath
        let recipients: [String]
        let text: String
        let origin: QueueDraft.Origin
    }

    typealias Connecting = @Sendable (MailServer) async throws -> Void
    typealias Answering = @Sendable (Delivery) async -> CarrierReport

    private struct State {
        var attempts: [MailServer] = []
        var deliveries: [Delivery] = []
        var open = 0
        var mostOpen = 0
        var connecting: Connecting
        var answering: Answering
        var tls: String? = "TLSv1.3"
    }

    private let state: Mutex<State>

    init(connecting: @escaping Connecting = { _ in }, answering: @escaping Answering = { ScriptedCarrier.taken($0) }) {
        state = Mutex(State(connecting: connecting, answering: answering))
    }

    static let ok = RemoteReply(code: 250, status: .success(0, 0), lines: ["queued as 1"])
    static func taken(_ delivery: Delivery) -> CarrierReport {
        CarrierReport(outcomes: delivery.recipients.map { _ in .delivered(ok, relaysNotify: false) }, isUsable: true)
    }

    static func refused(_ delivery: Delivery, _ code: Int, _ text: String = "no", status: EnhancedStatus? = nil) -> CarrierReport {
        let reply = RemoteReply(code: code, status: status, lines: [text])
        return CarrierReport(outcomes: delivery.recipients.map { _ in .refused(reply, isPermanent: code >= 500) }, isUsable: true)
    }

    /// Servers that were asked for a connection, in order.
    var attempts: [MailServer] { state.withLock { $0.attempts } }
    var deliveries: [Delivery] { state.withLock { $0.deliveries } }
    var recipients: [String] { deliveries.flatMap(\.recipients) }
    var open: Int { state.withLock { $0.open } }
    var mostOpen: Int { state.withLock { $0.mostOpen } }

    func set(connecting: @escaping Connecting) { state.withLock { $0.connecting = connecting } }
    /// What connections have that are not to be in clear.
    func set(tls: String?) { state.withLock { $0.tls = tls } }
    func set(answering: @escaping Answering) { state.withLock { $0.answering = answering } }

    func connect(to server: MailServer) async throws -> any CarrierConnection {
        let (number, connecting) = state.withLock { state in
            state.attempts.append(server)
            return (state.attempts.count, state.connecting)
        }
        try await connecting(server)
        state.withLock { state in
            state.open += 1
            state.mostOpen = max(state.mostOpen, state.open)
        }
        return Connection(carrier: self, server: server, number: number)
    }

    private final class Connection: CarrierConnection {
        let carrier: ScriptedCarrier
        let server: MailServer
        let number: Int
        let facts: CarrierFacts
        private let isOpen = Mutex(true)

        init(carrier: ScriptedCarrier, server: MailServer, number: Int) {
            self.carrier = carrier
            self.server = server
            self.number = number
            facts = CarrierFacts(address: server.address, tlsVersion: server.encryption == .never ? nil : carrier.state.withLock { $0.tls })
        }

        func send(_ message: OutgoingMessage) async -> CarrierReport {
            var text = ""
            if let octets = try? await message.read(0..<message.size) { text = String(buffer: octets) }
            let delivery = Delivery(
                server: server, connection: number, reversePath: message.reversePath, recipients: message.recipients.map { $0.path.bare }, text: text,
                origin: message.origin)
            let answering = carrier.state.withLock { state in
                state.deliveries.append(delivery)
                return state.answering
            }
            return await answering(delivery)
        }

        func close() async {
            let wasOpen = isOpen.withLock { isOpen in
                defer { isOpen = false }
                return isOpen
            }
            if wasOpen { carrier.state.withLock { $0.open -= 1 } }
        }
    }
}
