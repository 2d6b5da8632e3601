import ACME
import MailModel

extension Configuration {
    /// How certificates are had from a CA.
    struct Issuing: Sendable {
        var setting: CertificateKeeper.Setting
        var challenge: ChallengeKind
        /// Of DNS-01.
        var hook: String?
        /// Of authorities that are believed beside the system's, in PEM.
        var root: String?
        var allowsPrivate: Bool
        /// Names that the web asks for are optional ones too.
        var takesAutomaticNames: Bool
    }
}

extension Configuration.Issuing {
    /// Nil: it is off.
    static func read(
        _ values: SettingValues, hostname: Domain, tls: Configuration.TLS, listeners: [Configuration.Listener], _ read: (String) throws(SystemFault) -> String
    ) throws(ConfigurationFault) -> Configuration.Issuing? {
        guard values.toggle(.acmeEnabled) else { return nil }
        guard tls.enabled else {
            throw values.origin(of: .acmeEnabled).fault(.acmeEnabled, "is true, and TLS is off", "set tls.enabled to true, or acme.enabled to false")
        }
        guard tls.files == nil else {
            throw values.origin(of: .tlsCertificate).fault(
                .tlsCertificate, "names a certificate, and acme.enabled has one issued", "leave out one of the two")
        }
        guard values.toggle(.acmeTerms) else {
            throw values.origin(of: .acmeTerms).fault(
                .acmeTerms, "is not true, and without that a CA makes no account", "read the terms of service of the CA, and set it to true")
        }
        let challenge = try challenge(values, listeners)
        let wanted = try wanted(values, hostname, challenge)
        let directories = try values.items(.acmeDirectory) { text throws(ItemFault) in try ACMEText.resource(text) }
        guard let directory = directories.first, directories.count == 1 else {
            throw values.origin(of: .acmeDirectory).fault(.acmeDirectory, "is not one URL", Setting.acmeDirectory.kind.remedy)
        }
        let contact = try values.items(.acmeContact) { text throws(ItemFault) in try ContactText.uri(try AddressText.address(text).written) }
        let account = AccountDetails(contact: contact, agreesToTerms: true, externalAccount: try externalAccount(values, read))
        return Configuration.Issuing(
            setting: CertificateKeeper.Setting(directory: directory, account: account, wanted: [wanted]), challenge: challenge,
            hook: values.text(.acmeHook), root: try file(.acmeRoot, values, read), allowsPrivate: values.toggle(.acmePrivate),
            takesAutomaticNames: values.toggle(.acmeAutomaticNames))
    }

    private static func challenge(_ values: SettingValues, _ listeners: [Configuration.Listener]) throws(ConfigurationFault) -> ChallengeKind {
        let challenge = values.text(.acmeChallenge).flatMap { ChallengeKind(rawValue: $0) } ?? .http01
        let service: Service? =
            switch challenge {
            case .http01: .http
            case .tlsALPN01: .https
            case .dns01: nil
            }
        if let service, !listeners.contains(where: { $0.service == service }) {
            throw values.origin(of: .acmeChallenge).fault(
                .acmeChallenge, "is \(challenge.rawValue), and \(service.rawValue) does not listen",
                "set listeners.\(service.rawValue).enabled to true, or choose another")
        }
        if challenge == .dns01, values.text(.acmeHook) == nil {
            throw values.origin(of: .acmeChallenge).fault(.acmeChallenge, "is dns-01, and no program changes the zone", "set acme.hook too")
        }
        return challenge
    }

    private static func wanted(
        _ values: SettingValues, _ hostname: Domain, _ challenge: ChallengeKind
    ) throws(ConfigurationFault) -> WantedCertificate {
        var required = try values.items(.acmeNames) { text throws(ItemFault) in try ACMEText.certificateName(text) }
        if required.isEmpty {
            guard let name = CertificateName(hostname) else {
                throw values.origin(of: .hostname).fault(
                    .hostname, "is \(hostname), for which no CA issues a certificate", "set it to a name of DNS, or set acme.names")
            }
            required = [name]
        }
        let optional = try values.items(.acmeOptionalNames) { text throws(ItemFault) in try ACMEText.certificateName(text) }
        for (setting, names) in [(Setting.acmeNames, required), (Setting.acmeOptionalNames, optional)] {
            guard let wildcard = names.first(where: { $0.isWildcard }), !challenge.provesWildcards else { continue }
            throw values.origin(of: setting).fault(setting, "has \(wildcard), which \(challenge.rawValue) cannot prove", "set acme.challenge to dns-01")
        }
        let kind = values.text(.acmeKey).flatMap { CertificateKey.Kind(rawValue: $0) } ?? .ecdsaP256
        guard let wanted = WantedCertificate(required, optional: optional, keyKind: kind) else {
            throw values.origin(of: .acmeOptionalNames).fault(
                .acmeOptionalNames, "has too many names", "give \(WantedCertificate.mostNames) at most, those of acme.names among them")
        }
        return wanted
    }

    private static func externalAccount(
        _ values: SettingValues, _ read: (String) throws(SystemFault) -> String
    ) throws(ConfigurationFault) -> ExternalAccount? {
        guard let text = try file(.acmeExternalAccount, values, read) else { return nil }
        let words = text.split(whereSeparator: \.isWhitespace).map { String($0) }
        guard words.count == 2, let account = ExternalAccount(keyID: words[0], macKey: words[1]) else {
            throw values.origin(of: .acmeExternalAccount).fault(
                .acmeExternalAccount, "names a file that has not a key's name and a key", "write both into it, with a blank between")
        }
        return account
    }

    private static func file(
        _ setting: Setting, _ values: SettingValues, _ read: (String) throws(SystemFault) -> String
    ) throws(ConfigurationFault) -> String? {
        guard let path = values.text(setting) else { return nil }
        do { return try read(path) } catch {
            throw ConfigurationFault(
                values.origin(of: setting).fault(setting, "\(path) cannot be read: \(error.reason)", "name a file that this user can read"), device: error)
        }
    }
}
