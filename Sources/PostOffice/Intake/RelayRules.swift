package import MailModel

/// For whom mail goes on to other servers. Our users may write to anybody; beside them only who is named here.
package struct RelayRules: Hashable, Sendable {
    private let domains: Set<Domain>
    private let networks: NetworkList

    /// - parameter domains: not ours, and taken from everybody to be passed on (a second MX, RFC 5321 §3.6.2); what is below one is another.
    /// - parameter networks: whose mail to anybody is taken without a login, where other servers' is.
    package init(domains: Set<Domain> = [], networks: NetworkList = .none) {
        self.domains = Set(domains.map(RelayRules.key))
        self.networks = networks
    }

    /// Whether a client may send to a recipient that is not ours.
    /// - parameter isSubmission: it came by a port for users.
    package func admits(_ recipient: Address, from client: Intake.Client, isSubmission: Bool) -> Bool {
        if client.user != nil { return true }
        if isSubmission { return false }
        if let address = IPAddress(client.address), networks.contains(address) { return true }
        return isRelayed(recipient)
    }

    /// A stranger's words may not make the next server, which trusts us, send on: no percent hack, no bang path, no address within the local part.
    private func isRelayed(_ recipient: Address) -> Bool {
        guard !recipient.domain.isLiteral, domains.contains(RelayRules.key(recipient.domain)) else { return false }
        return !recipient.localPart.utf8.contains { RelayRules.routing.contains($0) }
    }

    private static let routing = Array("@%!".utf8)

    /// One form of a domain that may be written in A-labels and in U-labels.
    private static func key(_ domain: Domain) -> Domain { domain.asciiForm ?? domain }
}
