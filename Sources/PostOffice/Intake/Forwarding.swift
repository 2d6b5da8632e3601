package import MailModel
import MessageFormat

/// What an intake asks of who knows whose addresses there are, about mail that an address of ours has sent on.
package protocol Forwarding: Sendable {
    /// The sender that it has then.
    func sender(_ path: ReversePath, forwardedBy forwarder: Address) async throws -> ReversePath
    /// Whether mail for the domain is ours.
    func isServed(_ domain: Domain) async throws -> Bool
    /// Where it is kept when it is not sent on; nil: the address has no mailbox of its own.
    func mailbox(insteadOfForwardingBy forwarder: Address) async throws -> Destination?
}

extension MailReception {
    /// Those who get it, once it is known what stands in its header.
    ///
    /// What a stranger brings in the name of one of our users is not sent on: from us it would look as if they had written it, for the next server asks whether we may
    /// send for the domain, and we may. It is kept where it would have been sent on from; `Refusal.borrowedName` where there is no such place.
    func recipients(_ forwarding: any Forwarding) async throws -> [Intake.Recipient] {
        guard isForwarded, !isOfOurs, try await namesOurUsers(forwarding) else { return envelope.recipients }
        var recipients: [Intake.Recipient] = []
        for recipient in envelope.recipients {
            var destinations: [Destination] = []
            for destination in recipient.destinations {
                guard case .forward(_, let forwarder) = destination else {
                    destinations.append(destination)
                    continue
                }
                if let mailbox = try await forwarding.mailbox(insteadOfForwardingBy: forwarder), !destinations.contains(mailbox) {
                    destinations.append(mailbox)
                }
            }
            guard !destinations.isEmpty else { throw Refusal.borrowedName }
            recipients.append(
                Intake.Recipient(address: recipient.address, destinations: destinations, notify: recipient.notify, original: recipient.original))
        }
        return recipients
    }

    private var isForwarded: Bool {
        envelope.recipients.contains { $0.destinations.contains { if case .forward = $0 { true } else { false } } }
    }

    /// One of our users, or a program of this machine, has handed it in.
    private var isOfOurs: Bool { envelope.sender != nil || envelope.submission != nil || envelope.client?.localUser != nil }

    /// By the envelope, or by From, which is what people and DMARC look at. Of a From that cannot be read it is not known.
    private func namesOurUsers(_ forwarding: any Forwarding) async throws -> Bool {
        if let domain = envelope.reversePath.address?.domain, !domain.isLiteral, try await forwarding.isServed(domain) { return true }
        let from = survey.from
        guard from.count > 0 else { return false }
        guard from.count == 1, !from.isCut else { return true }
        for host in AddressList.parse(from.value).compactMap(\.host) {
            if let domain = Domain(host), !domain.isLiteral, try await forwarding.isServed(domain) { return true }
        }
        return false
    }
}
