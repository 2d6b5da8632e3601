import MailModel

extension Configuration {
    /// What is told to other domains, and taken from them.
    struct Reports: Sendable {
        var areSent: Bool
        /// Nil: `noreply-dmarc` at the default domain.
        var sender: Address?
        /// None: two of each domain.
        var addresses: [Address]
        var keptDays: Int
    }
}

extension Configuration.Reports {
    init(_ values: SettingValues) throws(ConfigurationFault) {
        areSent = values.toggle(.reportsSend)
        let senders = try values.items(.reportsFrom) { text throws(ItemFault) in try AddressText.address(text) }
        guard senders.count <= 1 else { throw values.origin(of: .reportsFrom).fault(.reportsFrom, "has several addresses", "give one") }
        sender = senders.first
        addresses = try values.items(.reportsAddresses) { text throws(ItemFault) in try AddressText.address(text) }
        keptDays = values.number(.reportsDays) ?? 90
    }
}
