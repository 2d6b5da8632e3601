import MailModel
import PostOffice

extension Configuration {
    /// What is served by HTTP.
    struct Web: Sendable {
        var proxies: NetworkList
        /// In small letters.
        var forwardedField: String
        /// Who may see what is counted.
        var metricsNetworks: NetworkList
        /// URIs; none: nobody is to be told.
        var securityContacts: [String]
        var securityLanguages: [String]
        /// Of all our domains; nil: they say nothing.
        var strictTransport: StrictTransportPolicy?
        /// At which the world reaches it over TLS.
        var port: Int
    }
}

extension Configuration.Web {
    init(_ values: SettingValues, hostname: Domain, listeners: [Configuration.Listener]) throws(ConfigurationFault) {
        proxies = try Configuration.networks(.webProxies, values)
        metricsNetworks = try Configuration.networks(.metricsNetworks, values)
        forwardedField = values.text(.webForwardedField) ?? "x-forwarded-for"
        securityContacts = try values.items(.securityContact) { text throws(ItemFault) in try ContactText.uri(text) }
        securityLanguages = try values.items(.securityLanguages) { text throws(ItemFault) in try LanguageText.tag(text) }
        let secure = listeners.first { $0.service == .https }
        // A proxy has the world's port.
        port = values.list(.webProxies).isEmpty ? secure?.port ?? Service.https.standardPort : Service.https.standardPort
        guard let mode = values.text(.strictTransportMode).flatMap({ StrictTransportPolicy.Mode(rawValue: $0) }) else { return }
        guard listeners.contains(where: \.service.isWeb) else {
            throw values.origin(of: .strictTransportMode).fault(
                .strictTransportMode, "is \(mode.rawValue), and nobody can fetch the policy, for https does not listen", "set listeners.https.enabled to true")
        }
        let exchangers = [hostname].compactMap { ExchangerPattern($0.value) }
        guard let policy = StrictTransportPolicy(mode: mode, exchangers: exchangers, maxAge: Int64(values.number(.strictTransportAge) ?? 604_800)) else {
            throw values.origin(of: .strictTransportMode).fault(.strictTransportMode, "has no name to give for \(hostname)", "set hostname to a name of DNS")
        }
        strictTransport = policy
    }
}
