import ACME

// Certificates that a CA issues.
extension Setting {
    static let acmeEnabled = Setting(
        "acme.enabled", .toggle, standard: "false",
        help: "Certificates are issued by a CA that speaks ACME (RFC 8555), such as Let's Encrypt, and renewed in time; in the place of `tls.certificate`")
    static let acmeDirectory = Setting(
        "acme.directory", .items(ACMEText.url), standard: "https://acme-v02.api.letsencrypt.org/directory", help: "Where the CA's directory is")
    static let acmeTerms = Setting(
        "acme.agrees-to-terms", .toggle, standard: "false", help: "You have read the CA's terms of service, and agree; without that there is no account there")
    static let acmeContact = Setting(
        "acme.contact", .items(AddressText.form), standardNote: "none", help: "Addresses that the CA may write to, about trouble with certificates")
    static let acmeNames = Setting(
        "acme.names", .items(ACMEText.name), standardNote: "`hostname`",
        help: "Names that the certificate is for, all of them or none; the first is what it is called. `*.DOMAIN` with `dns-01` alone")
    static let acmeOptionalNames = Setting(
        "acme.optional-names", .items(ACMEText.name), standardNote: "none",
        help: "Names that it is for as well, where the CA sees that they are ours: one that fails is left out and tried again later")
    static let acmeAutomaticNames = Setting(
        "acme.automatic-names", .toggle, standard: "true",
        help:
            "Optional names too are those that `https` answers for: `mta-sts.DOMAIN` where there is a policy, `autoconfig.DOMAIN` and `autodiscover.DOMAIN` of each domain, as soon as all their addresses are those of `hostname`"
    )
    static let acmeChallenge = Setting(
        "acme.challenge", .choice(ChallengeKind.allCases.map(\.rawValue)), standard: ChallengeKind.http01.rawValue,
        help:
            "How the CA sees that names are ours: at port 80 (`listeners.http`), at port 443 (`listeners.https`), or by a record that `acme.hook` puts into the zone"
    )
    static let acmeHook = Setting(
        "acme.hook", .path, standardNote: "none",
        help:
            "The program for `dns-01`: `HOOK add NAME VALUE` puts a TXT record there and ends when the zone's servers have it, `HOOK remove NAME VALUE` takes it away"
    )
    static let acmeKey = Setting(
        "acme.key", .choice(CertificateKey.Kind.allCases.map(\.rawValue)), standard: CertificateKey.Kind.ecdsaP256.rawValue,
        help: "The kind of the certificate's key, which stays from one certificate to the next")
    static let acmeRoot = Setting(
        "acme.root", .path, standardNote: "the system's authorities",
        help: "A file of certificates in PEM, of authorities that are believed beside the system's when the CA is asked: for a CA of your own")
    static let acmeExternalAccount = Setting(
        "acme.external-account", .path, standardNote: "none",
        help: "A file with the key's name and the key, in base64url, that the CA gave you for an account there (RFC 8555 §7.3.4), with a blank between")
    static let acmePrivate = Setting(
        "acme.allows-private", .toggle, standard: "false", help: "The CA may be in a private network, or on this machine")

    /// In the order of the reference.
    static let acme: [Setting] = [
        acmeEnabled, acmeDirectory, acmeTerms, acmeContact, acmeNames, acmeOptionalNames, acmeAutomaticNames, acmeChallenge, acmeHook, acmeKey, acmeRoot,
        acmeExternalAccount,
        acmePrivate,
    ]
}

/// What the values of `acme.` are.
enum ACMEText {
    static func resource(_ text: String) throws(ItemFault) -> ResourceURL {
        guard let url = ResourceURL(text) else { throw ItemFault("it is no URL that begins with https://") }
        return url
    }

    static func certificateName(_ text: String) throws(ItemFault) -> CertificateName {
        guard let name = CertificateName(text) else { throw ItemFault("no certificate is issued for it") }
        return name
    }

    static let url = ItemForm("a URL", remedy: "give one such as https://acme-v02.api.letsencrypt.org/directory") { text throws(ItemFault) in
        try resource(text)
    }

    static let name = ItemForm("a name of a host", remedy: "give a list such as [mail.example.org, mta-sts.example.org]") { text throws(ItemFault) in
        try certificateName(text)
    }
}
