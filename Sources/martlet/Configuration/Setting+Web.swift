// What is served by HTTP.
extension Setting {
    static let webProxies = Setting(
        "web.proxies", .networks, standardNote: "none",
        help:
            "Addresses and networks of proxies that stand before us, such as nginx: they alone are believed when they say for whom they ask, and whether that was by TLS (`X-Forwarded-Proto`)"
    )
    static let webForwardedField = Setting(
        "web.forwarded-field", .choice(["x-forwarded-for", "forwarded", "x-real-ip"]), standard: "x-forwarded-for",
        help: "The one field in which they say it, and which they must set themselves; others are not looked at")
    static let metricsNetworks = Setting(
        "web.metrics-networks", .networks, standardNote: "none: it is not there",
        help: "Who may ask for `/metrics`, by https or through a proxy in `web.proxies`; nobody through another proxy")
    static let securityContact = Setting(
        "web.security-contact", .items(ContactText.form), standardNote: "none: there is no `security.txt`",
        help: "Whom to tell of a weakness, in `/.well-known/security.txt` (RFC 9116); the best first")
    static let securityLanguages = Setting(
        "web.security-languages", .items(LanguageText.form), standard: "en", help: "The languages that are understood there; empty: any")
    static let strictTransportMode = Setting(
        "mta-sts.mode", .choice(["off", "none", "testing", "enforce"]), standard: "off",
        help:
            "What our domains ask of those that send to them, as `https` serves it at `mta-sts.DOMAIN` (RFC 8461): with `enforce` they bring mail over TLS with a good certificate or not at all; `none` takes an earlier policy back. `martlet dns records` prints what belongs into the zone"
    )
    static let strictTransportAge = Setting(
        "mta-sts.max-age", .number(0...31_557_600), standard: "604800",
        help: "Seconds for which others keep that policy, counted from when they fetched it last")

    /// In the order of the reference.
    static let web: [Setting] = [webProxies, webForwardedField, metricsNetworks, securityContact, securityLanguages, strictTransportMode, strictTransportAge]
}
