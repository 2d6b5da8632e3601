package import MailModel

/// The addresses here that take reports. An account, an alias or a list of that name comes before.
package struct ReportAddresses: Hashable, Sendable {
    /// Of each domain that is served, where no others are named.
    package static let reportsOnMail = "dmarc-reports"
    package static let reportsOnTLS = "tls-reports"
    /// By which our own reports go, and what is wrong with them comes back; it says nothing that is read.
    package static let sender = "noreply-dmarc"

    /// By their keys; nil: those of each domain.
    private let named: Set<String>?
    private let senders: Set<String>

    /// - parameter named: empty: those of each domain.
    package init(named: [Address] = [], sender: Address? = nil) {
        self.named = named.isEmpty ? nil : Set(named.map(\.key))
        senders = Set([sender?.key].compactMap(\.self))
    }

    /// - parameter address: in a domain of ours.
    func contains(_ address: Address) -> Bool {
        if senders.contains(address.key) { return true }
        if let named { return named.contains(address.key) }
        let local = address.localPart.lowercased()
        return local == ReportAddresses.reportsOnMail || local == ReportAddresses.reportsOnTLS || local == ReportAddresses.sender
    }
}
