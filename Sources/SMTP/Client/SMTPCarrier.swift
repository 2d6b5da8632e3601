package import Conversation
package import PostOffice

/// Brings messages to other servers by SMTP (RFC 5321) and LMTP (RFC 2033).
package struct SMTPCarrier: Carrier {
    /// Makes a message with octets above 127 one without (RFC 6152 §3), for a server that takes no others. Throws `SevenBitFault` where there is no way, and
    /// anything else where it could not be found out: then it is tried again later.
    package typealias Conversion = @Sendable (OutgoingMessage) async throws -> OutgoingMessage

    private let dialler: any Dialler
    private let settings: ClientSettings
    private let convert: Conversion?
    private let now: @Sendable () -> ContinuousClock.Instant

    /// - parameter convert: nil: what would have to be converted is refused (5.6.3).
    package init(
        dialler: any Dialler, settings: ClientSettings = ClientSettings(), convert: Conversion? = nil,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.dialler = dialler
        self.settings = settings
        self.convert = convert
        self.now = now
    }

    package func connect(to server: MailServer) async throws -> any CarrierConnection {
        let stream: any ByteStream
        do {
            stream = try await dialler.dial(server.address, port: server.port, source: server.source, patience: settings.connect)
        } catch let fault as StreamFault {
            throw CarrierFault(fault)
        }
        let dialogue = Dialogue(stream, settings, now: now)
        do throws(CarrierFault) {
            let offer = try await Opening(server, dialogue).open()
            let facts = CarrierFacts(
                address: server.address, source: stream.facts.localAddress, tlsVersion: stream.facts.tls?.version, sizeLimit: offer.sizeLimit,
                messageLimit: offer.messageLimit,
                localDomain: offer.localDomain)
            return SMTPConnection(dialogue, offer, server.dialect, facts, convert)
        } catch {
            stream.close()
            guard case .tls(var failure) = error else { throw error }
            if !stream.facts.localAddress.isEmpty { failure.source = stream.facts.localAddress }
            throw CarrierFault.tls(failure)
        }
    }
}

extension CarrierFault {
    fileprivate init(_ fault: StreamFault) {
        self =
            switch fault {
            case .unreachable(let reason): .unreachable(reason)
            case .timedOut: .unreachable("no connection in time")
            case .closed: .unreachable("the connection was closed")
            case .tls(let failure): .tls(failure)
            }
    }
}
