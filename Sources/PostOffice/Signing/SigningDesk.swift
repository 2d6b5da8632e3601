package import Logging
package import MailModel
import MessageFormat
import NIOCore
import SenderTrust
import Storage

/// Decides in whose name a message is signed as it leaves.
///
/// - In an author's name, by the domain in From, only what that author's domain answers for: a user of ours handed it in, or this server wrote it
///   (`QueueDraft.Origin.own`).
/// - A program of this machine (`local`) is believed in whose name it writes, where that is ours: whom the administrator lets reach the server's socket, they trust. Where
///   From names anybody else, it is signed like what comes from elsewhere.
/// - What came from elsewhere and is sent on by an address or a list of ours is signed by the domain of its envelope sender, which is ours then; with the null
///   reverse-path, by that of the address that sends it on: that says who passed it on. Where From has a domain of ours, or one that could be taken for the same owner's (RFC 7489's and RFC 9989's relaxed alignment), it is not signed at all:
///   a stranger could have written what stands there.
/// - Such mail gets a set of ARC fields besides, of what was found when it came (`MessageSeal`): that says nothing of who wrote it but what we have judged.
/// - Everything else goes as it came.
package struct SigningDesk: Sendable {
    private let keys: SigningKeys
    /// Whether mail for a domain is ours.
    private let isServed: @Sendable (Domain) async throws -> Bool
    /// In whose name this server reports; in ASCII.
    private let serverName: Domain
    private let clock: Timestamp.Clock
    private let log: Logger

    /// Domains in whose names one message is signed.
    private static let most = 4
    /// Octets of a message that are read at once.
    private static let piece = 16 << 10

    package init(
        keys: SigningKeys, serverName: Domain, clock: @escaping Timestamp.Clock, log: Logger, isServed: @escaping @Sendable (Domain) async throws -> Bool
    ) {
        self.keys = keys
        self.serverName = serverName
        self.clock = clock
        self.log = log
        self.isServed = isServed
    }

    /// What signs it; nil: it goes as it is. Throws what reading the message throws, and `corrupt` for keys that cannot be read.
    package func signer(for message: OutgoingMessage) async throws -> MessageSigner? {
        guard message.origin != .others else { return nil }
        // Without its keys, which are few, nothing need be read.
        guard try await !keys.isEmpty else { return nil }
        guard let start = try await start(of: message) else {
            log.warning("A message goes unsigned: its header is too long", metadata: ["to": "\(recipient(message))"])
            return nil
        }
        let (survey, head) = (start.survey, start.head)
        let sender = SigningDesk.sender(message, head)
        let domains =
            try await isInAuthorsName(message.origin, survey)
            ? try await ownDomains(survey, sender) : try await forwarderDomain(survey, sender).map { [$0] } ?? []
        var signers: [MessageSigner.Part] = []
        for domain in domains.prefix(SigningDesk.most) { signers.append(MessageSigner.Part(domain, try await keys.signing(for: domain), at: clock())) }
        let sealer = message.origin == .passedOn ? try await sealer(head, sender) : nil
        return signers.isEmpty && sealer == nil ? nil : MessageSigner(signers, sealer, to: recipient(message), log: log)
    }

    /// Nil: nothing was judged when it came, or there is nobody in whose name it could be sealed.
    private func sealer(_ head: ByteBuffer, _ sender: Domain?) async throws -> ARCSealer? {
        guard let found = MessageSeal(head, serverName) else { return nil }
        for name in [sender?.asciiForm, serverName].compactMap(\.self) {
            guard let domain = try await signingDomain(of: name) else { continue }
            let all = try await keys.signing(for: domain)
            // Few others verify chains by Ed25519.
            guard let own = all.first(where: { $0.key.algorithm == .rsaSHA256 }) ?? all.first else { continue }
            return ARCSealer(
                domain: domain, selector: own.selector, key: own.key, authenticationResults: found.results, chain: ARCVerdict(found.chain), at: clock())
        }
        return nil
    }

    // MARK: Whose name

    private func isInAuthorsName(_ origin: QueueDraft.Origin, _ survey: HeaderSurvey) async throws -> Bool {
        switch origin {
        case .own: return true
        case .others, .passedOn: return false
        case .local:
            guard let authors = authors(survey) else { return false }
            for author in authors where try await !isOurs(author) { return false }
            return true
        }
    }

    /// Of the envelope; with the null reverse-path, of the address of ours that sends it on, as this house wrote before it (`MessageHead.delivered`). Nil: nobody does.
    private static func sender(_ message: OutgoingMessage, _ head: ByteBuffer) -> Domain? {
        if let address = message.reversePath.address { return address.domain }
        guard message.origin == .passedOn else { return nil }
        return HeaderFields(head).first { $0.isNamed("Delivered-To") }.flatMap { Address($0.value)?.domain }
    }

    /// The authors' domains, and that of the envelope sender.
    private func ownDomains(_ survey: HeaderSurvey, _ sender: Domain?) async throws -> [Domain] {
        var domains: [Domain] = []
        func add(_ domain: Domain?) async throws {
            guard let domain, let signing = try await signingDomain(of: domain), !domains.contains(signing) else { return }
            domains.append(signing)
        }
        for author in authors(survey) ?? [] { try await add(author) }
        try await add(sender)
        return domains
    }

    /// Nil: it is not ours to sign.
    private func forwarderDomain(_ survey: HeaderSurvey, _ sender: Domain?) async throws -> Domain? {
        guard let sender = sender?.asciiForm, let domain = try await signingDomain(of: sender), let authors = authors(survey) else {
            return nil
        }
        for author in authors {
            guard try await !isOurs(author), !SigningDesk.mayAlign(author, domain), !SigningDesk.mayAlign(author, sender) else { return nil }
        }
        return domain
    }

    /// In ASCII; nil: it is not clear which they are.
    private func authors(_ survey: HeaderSurvey) -> [Domain]? {
        guard survey.from.count == 1, !survey.from.isCut, let addresses = AddressList.parseClear(survey.from.value) else { return nil }
        var domains: [Domain] = []
        for address in addresses where !address.isGroupStart && !address.isGroupEnd {
            guard let host = address.host, let domain = Domain(host), !domain.isLiteral, let ascii = domain.asciiForm else { return nil }
            if !domains.contains(ascii) { domains.append(ascii) }
        }
        return domains.isEmpty ? nil : domains
    }

    /// The domain itself, or the closest above it, which is ours and signs: by relaxed alignment it speaks for it (RFC 6376 §3.10, RFC 9989 §4.4).
    private func signingDomain(of domain: Domain) async throws -> Domain? {
        for candidate in SigningDesk.ancestry(domain) {
            guard try await !keys.signing(for: candidate).isEmpty else { continue }
            if try await isServed(candidate) || candidate == serverName { return candidate }
        }
        return nil
    }

    private func isOurs(_ domain: Domain) async throws -> Bool {
        for candidate in SigningDesk.ancestry(domain) where try await isServed(candidate) || candidate == serverName { return true }
        return false
    }

    /// It, and what is above it with two labels at least; the eight longest.
    private static func ancestry(_ domain: Domain) -> [Domain] {
        guard let ascii = domain.asciiForm, !ascii.isLiteral else { return [] }
        let labels = ascii.value.split(separator: ".")
        guard labels.count > 2 else { return [ascii] }
        return (0...labels.count - 2).prefix(8).compactMap { Domain(labels[$0...].joined(separator: ".")) }
    }

    /// Whether one owner could have both, for all that their names say: they end in the same two labels. Every two that are aligned do.
    static func mayAlign(_ a: Domain, _ b: Domain) -> Bool {
        let (a, b) = (a.value.split(separator: ".").suffix(2), b.value.split(separator: ".").suffix(2))
        return a.elementsEqual(b) || a.count < 2 || b.count < 2
    }

    // MARK: Reading

    /// What a header says, of head and text; and the head. Nil: it is longer than is held.
    private func start(of message: OutgoingMessage) async throws -> (survey: HeaderSurvey, head: ByteBuffer)? {
        var (header, head) = (IncomingHeader(), ByteBuffer())
        var offset = 0
        while !header.survey.isComplete, offset < min(message.size, MailReception.heldHeader) {
            var octets = ByteBuffer()
            let piece = try await message.read(offset..<min(offset + SigningDesk.piece, message.size))
            guard piece.readableBytes > 0 else { throw StorageFault.corrupt("a message of the queue is shorter than it was") }
            if offset < message.headSize { head.writeBytes(piece.readableBytesView.prefix(message.headSize - offset)) }
            offset += piece.readableBytes
            header.consume(piece, into: &octets)
        }
        var end = ByteBuffer()
        if offset >= message.size { header.finish(into: &end) }
        return header.survey.isComplete ? (header.survey, head) : nil
    }

    private func recipient(_ message: OutgoingMessage) -> String { message.recipients.first.map { LogText.quoted("\($0.path)") } ?? "" }
}
