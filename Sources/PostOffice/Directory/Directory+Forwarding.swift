package import MailModel
import Storage

extension Directory: Forwarding {
    /// The sender that mail has which an address of ours sends on. Our own senders stay what they are, as does `<>`. In the place of one for which there is no room in
    /// an address stands who sends it on, where that has a mailbox for what comes back, or else the domain's postmaster.
    package func sender(_ path: ReversePath, forwardedBy forwarder: Address) async throws -> ReversePath {
        guard let address = path.address else { return .null }
        if !address.domain.isLiteral, try await isServed(address.domain) { return path }
        if let rewritten = rewriting.rewritten(address, at: forwarder.domain) { return .mailbox(rewritten) }
        if case .account(let record, _) = try await meaning(of: forwarder), try settings(of: record.id).isKept { return .mailbox(forwarder) }
        return .mailbox(Address(localPart: "postmaster", domain: forwarder.domain) ?? forwarder)
    }

    package func isServed(_ domain: Domain) async throws -> Bool { try await ownDomain(domain) != nil || aliasTarget(of: domain) != nil }

    package func isAlignedWithOurs(_ domain: Domain) async throws -> Bool {
        guard !domain.isLiteral else { return false }
        if try await isServed(domain) { return true }
        guard let name = domain.asciiForm else { return false }
        return try await domainsServed().contains { served in served.asciiForm.map { name.isWithin($0) || $0.isWithin(name) } ?? false }
    }

    package func mailbox(insteadOfForwardingBy forwarder: Address) async throws -> Destination? {
        guard case .account(let record, _) = try await meaning(of: forwarder), let inbox = try await store.mailbox(named: .inbox, of: record.id) else {
            return nil
        }
        return .mailbox(inbox.id, of: record.id)
    }
}

extension DeliverySettings {
    /// What comes lies in the account's mailbox, whether or not it is sent on.
    fileprivate var isKept: Bool { forwardsTo.isEmpty || keepsCopy }
}
