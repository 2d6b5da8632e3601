package import MailModel

/// By what a domain asks for reports on TLS (RFC 8460 §3): a text at `_smtp._tls.DOMAIN`.
package struct TLSReportRecord: Hashable, Sendable {
    /// One at least.
    package let targets: [ReportURI]

    /// Nil where that is no name that DNS can have.
    package static func name(of domain: Domain) -> Domain? { ReportText.domain("_smtp._tls.", domain) }

    // tlsrpt-record  = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]
    // tlsrpt-version = %s"v=TLSRPTv1"
    // tlsrpt-rua     = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
    /// Of all texts that stand there: the one that begins with the version. Nil where there is none, or another than one, or where it names nobody.
    package init?(_ texts: [String]) {
        let records = texts.compactMap { ReportTags($0, version: "TLSRPTv1") }
        guard records.count == 1, let list = records.first?.value(of: "rua") else { return nil }
        targets = ReportURI.list(list)
        if targets.isEmpty { return nil }
    }
}

/// By what a domain agrees to get reports on another's mail (RFC 9990 §4): a text at `DOMAIN._report._dmarc.TARGET`.
package struct ReportAuthorization: Hashable, Sendable {
    /// Those that it names instead of what the other domain does; empty: none.
    package let targets: [ReportURI]

    /// Nil where that is no name that DNS can have.
    package static func name(of domain: Domain, at target: Domain) -> Domain? { ReportText.domain("\(domain.asciiForm ?? domain)._report._dmarc.", target) }

    /// Nil where none of the texts is such a record.
    package init?(_ texts: [String]) {
        let records = texts.compactMap { ReportTags($0, version: "DMARC1") }
        guard !records.isEmpty else { return nil }
        targets = records.lazy.compactMap { $0.value(of: "rua") }.first.map { ReportURI.list($0) } ?? []
    }
}

/// Tags and values, the version first.
private struct ReportTags {
    private let fields: [(name: Substring, value: Substring)]

    // tag-list = "v=" version *( ";" tag "=" value ) [";"]          with blanks around each
    init?(_ text: String, version: String) {
        guard text.utf8.count <= 8_192 else { return nil }
        let fields = text.split(separator: ";", maxSplits: 100, omittingEmptySubsequences: false).map(StrictTransportText.trimmed)
        guard let first = fields.first.flatMap({ StrictTransportText.pair($0, separator: "=") }), StrictTransportText.trimmed(first.name) == "v",
            StrictTransportText.trimmed(first.value) == version[...]
        else { return nil }
        self.fields = fields.dropFirst().compactMap { StrictTransportText.pair($0, separator: "=") }
    }

    /// Of the first of that name.
    func value(of name: String) -> Substring? {
        fields.first { StrictTransportText.trimmed($0.name) == name[...] }.map { StrictTransportText.trimmed($0.value) }
    }
}

extension ReportText {
    fileprivate static func domain(_ prefix: String, _ domain: Domain) -> Domain? {
        let name = prefix + (domain.asciiForm ?? domain).value
        return !domain.isLiteral && name.utf8.count <= 253 && name.utf8.allSatisfy { $0 < 0x80 } ? Domain(name) : nil
    }
}
