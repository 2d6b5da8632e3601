package import Conversation
package import PostOffice

/// Brings messages to other servers by SMTP (RFC 5321) and LMTP (RFC 2033).
package struct SMTPCarrier: Carrier {
    /// Makes a message with octets above 127 one without (RFC 6152 §3), for a server that takes no others. Throws `SevenBitFault` where there is no way, and
    /// anything else where it could not be found out: then it is tried again later.
    package typealias Conversion = @Sendable (OutgoingMessage) async throws -> OutgoingMessage

    /// Writes signatures before a message, as it will go out: the same text has to come of each reading. Throws where the message cannot be read, or it is not known
    /// by what to sign: then it is tried again later. What cannot be signed is answered as it is.
    package typealias Signing = @Sendable (OutgoingMessage) async throws -> OutgoingMessage

    private let dialler: any Dialler
    private let settings: ClientSettings
    private let convert: Conversion?
    private let sign: Signing?
    private let now: @Sendable () -> ContinuousClock.Instant

    /// - parameter convert: nil: what would have to be converted is refused (5.6.3).
    /// - parameter sign: nil: nothing is signed.
    package init(
        dialler: any Dialler, settings: ClientSettings = ClientSettings(), convert: Conversion? = nil, sign: Signing? = nil,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.dialler = dialler
        self.settings = settings
        self.convert = convert
        self.sign = sign
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
            return SMTPConnection(dialogue, offer, server.dialect, facts, convert, sign)
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
