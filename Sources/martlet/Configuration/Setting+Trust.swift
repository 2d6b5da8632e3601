// Who is believed to have sent what comes from other servers.
extension Setting {
    static let trustEnabled = Setting(
        "trust.enabled", .toggle, standardNote: "`outbound.enabled`",
        help: "Senders of what other servers bring are judged by SPF, DKIM, DMARC and ARC, for which DNS is asked")
    static let trustExempt = Setting(
        "trust.exempt", .networks, standard: "127.0.0.0/8,::1/128",
        help: "Addresses and networks whose mail is not judged, beside `relay.networks`; empty: none")
    static let dmarcReject = Setting(
        "trust.dmarc-reject", .choice(["evidence", "always", "never"]), standard: "evidence",
        help:
            "What fails under its author's DMARC policy `reject` is refused: `always`; with `evidence` not where it seems to have come by way of a list or others, which may have changed it: that is filed as junk, as all of it is with `never`"
    )
    static let dnsTrouble = Setting(
        "trust.dns-trouble", .choice(["defer", "accept"]), standard: "defer",
        help: "Mail whose author's policy DNS does not tell for now: `defer` answers 451, so that it comes again; `accept` takes it unjudged")
    static let spfFail = Setting(
        "trust.spf-fail", .choice(["junk", "refuse", "accept"]), standard: "junk",
        help:
            "What is done with mail of servers that its sender's domain excludes (SPF `-all`), where its author has no DMARC policy and nothing else vouches for it"
    )
    static let arcSealers = Setting(
        "trust.arc-sealers", .items(DomainText.form), standardNote: "none",
        help: "Domains whose ARC seals are believed: mail that they changed and that fails with us for it is taken, where it passed with them")

    /// In the order of the reference.
    static let trust: [Setting] = [trustEnabled, trustExempt, dmarcReject, dnsTrouble, spfFail, arcSealers]
}
