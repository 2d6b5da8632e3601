import Conversation
import MailModel
import NIOCore
import PostOffice
import Storage
import Testing

@testable import SMTP

/// Words for tests of the client.
enum Carriage {
    static let text = "From: a@example.test\r\nSubject: x\r\n\r\nHello\r\n"

    static func server(_ change: (inout MailServer) -> Void = { _ in }) throws -> MailServer {
        var server = MailServer(host: "mx.remote.example", address: "192.0.2.25", ownName: try #require(Domain("mx.example.test")))
        change(&server)
        return server
    }

    static func message(
        _ text: String = text, from sender: String? = "a@example.test", to recipients: [String] = ["b@remote.example"], traits: QueueDraft.Traits = [],
        origin: QueueDraft.Origin = .others, envelopeID: String? = nil, size: Int? = nil, head: String = ""
    ) throws -> OutgoingMessage {
        let octets = ByteBuffer(string: head + text)
        return OutgoingMessage(
            reversePath: try sender.map { .mailbox(try #require(Address($0))) } ?? .null,
            recipients: try recipients.map { QueuedRecipient(.mailbox(try #require(Address($0)))) }, traits: traits, origin: origin, envelopeID: envelopeID,
            size: size ?? octets.readableBytes, headSize: head.utf8.count,
            read: { range in octets.getSlice(at: range.lowerBound, length: min(range.count, octets.readableBytes - range.lowerBound)) ?? ByteBuffer() })
    }

    static func carrier(
        _ sink: Sink, _ settings: ClientSettings = ClientSettings(), convert: SMTPCarrier.Conversion? = nil, sign: SMTPCarrier.Signing? = nil
    ) -> SMTPCarrier {
        SMTPCarrier(dialler: sink, settings: settings, convert: convert, sign: sign, now: sink.clock)
    }

    /// A connection to it, whose EHLO is over.
    static func connect(
        _ sink: Sink, _ settings: ClientSettings = ClientSettings(), _ change: (inout MailServer) -> Void = { _ in }
    ) async throws
        -> any CarrierConnection
    { try await carrier(sink, settings).connect(to: server(change)) }

    /// What came of one message.
    static func report(
        _ plan: Sink.Plan, _ message: OutgoingMessage? = nil, _ settings: ClientSettings = ClientSettings()
    ) async throws -> (CarrierReport, Sink) {
        let sink = Sink(plan)
        let connection = try await connect(sink, settings) { $0.dialect = plan.isLMTP ? .lmtp : .smtp }
        return (await connection.send(try message ?? self.message()), sink)
    }

    static func fault(_ sink: Sink, _ change: (inout MailServer) -> Void = { _ in }) async throws -> CarrierFault? {
        do { _ = try await connect(sink, ClientSettings(), change) } catch let fault as CarrierFault { return fault }
        return nil
    }

    static func reply(_ code: Int, _ status: String?, _ lines: String...) -> RemoteReply {
        RemoteReply(code: code, status: status.flatMap { EnhancedStatus($0) }, lines: lines)
    }

    static let taken = CarrierReport.Outcome.delivered(reply(250, "2.0.0", "taken"), relaysNotify: false)
}
