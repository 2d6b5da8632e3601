package import MailModel
import MessageFormat

/// What an intake asks of who knows whose addresses there are, about mail that an address of ours has sent on.
package protocol Forwarding: Sendable {
    /// The sender that it has then.
    func sender(_ path: ReversePath, forwardedBy forwarder: Address) async throws -> ReversePath
    /// Whether mail for the domain is ours.
    func isServed(_ domain: Domain) async throws -> Bool
    /// Whether it is, or a name above or below it: what one of them proves, DMARC's relaxed alignment may take for the other's (RFC 9989 §4.4).
    func isAlignedWithOurs(_ domain: Domain) async throws -> Bool
    /// Where it is kept when it is not sent on; nil: the address has no mailbox of its own.
    func mailbox(insteadOfForwardingBy forwarder: Address) async throws -> Destination?
}

extension MailReception {
    /// Those who get it, once it is known what stands in its header and what was judged of its sender.
    ///
    /// What a stranger brings in the name of one of our users, or of who could be taken for one, without proof that it is theirs, is not sent on: from us it would look
    /// as if they had written it, for the next server asks whether we may send for the domain, and we may. Nor is junk, and no list takes it. Both are kept where they would have been sent on from; where there is no such
    /// place, `Refusal.borrowedName` or `Refusal.unwanted`. Junk goes to the junk mailboxes of those who have it here.
    func recipients(_ forwarding: (any Forwarding)?) async throws -> [Intake.Recipient] {
        let isJunk = sender?.isJunk ?? false
        var recipients = envelope.recipients
        // A list and its owners are others' mailboxes, here and elsewhere.
        if isJunk, recipients.contains(where: { $0.destinations.contains { if case .list = $0 { true } else { false } } }) { throw Refusal.unwanted }
        if let forwarding, envelope.isSentOn, !isOfOurs {
            if isJunk {
                recipients = try await kept(forwarding, or: .unwanted)
            } else if try await namesOurUsers(forwarding) {
                recipients = try await kept(forwarding, or: .borrowedName)
            }
        }
        return isJunk ? try await filedAsJunk(recipients) : recipients
    }

    private func kept(_ forwarding: any Forwarding, or refusal: Refusal) async throws -> [Intake.Recipient] {
        try await replacing(envelope.recipients) { destination, others in
            guard case .forward(_, let forwarder) = destination else { return destination }
            return try await forwarding.mailbox(insteadOfForwardingBy: forwarder).flatMap { others.contains($0) ? nil : $0 }
        }.map { recipient in
            guard !recipient.destinations.isEmpty else { throw refusal }
            return recipient
        }
    }

    private func filedAsJunk(_ recipients: [Intake.Recipient]) async throws -> [Intake.Recipient] {
        try await replacing(recipients) { destination, _ in
            guard case .mailbox(_, let account) = destination, let junk = try await self.junk(of: account) else { return destination }
            return .mailbox(junk, of: account)
        }
    }

    /// - parameter place: nil: there is none. It is given those that are there already, too.
    private func replacing(
        _ recipients: [Intake.Recipient], _ place: (Destination, [Destination]) async throws -> Destination?
    ) async throws -> [Intake.Recipient] {
        var replaced: [Intake.Recipient] = []
        for recipient in recipients {
            var destinations: [Destination] = []
            for destination in recipient.destinations {
                if let destination = try await place(destination, destinations) { destinations.append(destination) }
            }
            replaced.append(
                Intake.Recipient(address: recipient.address, destinations: destinations, notify: recipient.notify, original: recipient.original))
        }
        return replaced
    }

    /// One of our users, or a program of this machine, has handed it in.
    private var isOfOurs: Bool { envelope.sender != nil || envelope.submission != nil || envelope.client?.localUser != nil }

    /// By the envelope, or by From, which is what people and DMARC look at, and without proof. Of a From that cannot be read it is not known.
    private func namesOurUsers(_ forwarding: any Forwarding) async throws -> Bool {
        let sender = sender
        if let domain = envelope.reversePath.address?.domain, !domain.isLiteral, sender?.provenSender != (domain.asciiForm ?? domain),
            try await forwarding.isServed(domain)
        {
            return true
        }
        let from = survey.from
        guard from.count > 0 else { return false }
        guard from.count == 1, !from.isCut else { return true }
        for host in AddressList.parse(from.value).compactMap(\.host) {
            guard let domain = Domain(host), !domain.isLiteral, sender?.provenAuthors.contains(domain.asciiForm ?? domain) != true else { continue }
            if try await isAligned(domain, forwarding) { return true }
            // A name beside ours, of which DMARC says whose it is.
            if let organization = sender?.organizations[domain.asciiForm ?? domain], try await isAligned(organization, forwarding) { return true }
        }
        return false
    }

    /// With what the next server will find of us: the domain of the sender that we write, or with the null reverse-path our own name (RFC 7208 §2.4).
    private func isAligned(_ domain: Domain, _ forwarding: any Forwarding) async throws -> Bool {
        if envelope.reversePath == .null, let host = envelope.host, domain.isWithin(host) || host.isWithin(domain) { return true }
        return try await forwarding.isAlignedWithOurs(domain)
    }
}
