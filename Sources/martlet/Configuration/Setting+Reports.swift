import MailModel

// Reports between mail servers: on mail in domains' names (DMARC), and on TLS (TLS-RPT).
extension Setting {
    static let reportsSend = Setting(
        "reports.send", .toggle, standard: "true",
        help:
            "Domains that ask for it are told once a day what came in their names (RFC 9990), and how TLS with them went (RFC 8460). Off with `outbound.enabled`"
    )
    static let reportsFrom = Setting(
        "reports.from", .items(AddressText.form), standardNote: "`noreply-dmarc` at `domain`",
        help: "The one address by which those reports go: its domain must be ours, and sign (DKIM)")
    static let reportsAddresses = Setting(
        "reports.addresses", .items(AddressText.form), standardNote: "`dmarc-reports` and `tls-reports` at each domain",
        help: "Addresses whose mail is read as others' reports on our domains, and kept nowhere else. An account, alias or list of that name comes before")
    static let reportsDays = Setting(
        "reports.keep-days", .number(1...3_650), standard: "90", help: "Days for which others' reports on our domains are kept, for `martlet reports`")

    /// In the order of the reference.
    static let reports: [Setting] = [reportsSend, reportsFrom, reportsAddresses, reportsDays]
}

enum AddressText {
    static func address(_ text: String) throws(ItemFault) -> Address {
        guard let address = Address(text.trimmed), address.isASCII, address.isDotString, !address.domain.isLiteral else { throw ItemFault("it is no address") }
        return address
    }

    static let form = ItemForm("an address", remedy: "give a list such as [reports@example.org]") { text throws(ItemFault) in try address(text) }
}
