package import MailModel

/// Where a report goes by HTTPS.
package struct ReportPlace: Hashable, Sendable {
    /// In ASCII; no address.
    package let host: Domain
    /// 1...65535
    package let port: Int
    /// Begins with `/`; printable ASCII. What follows a `?` belongs to it.
    package let path: String
}

extension ReportURI {
    // https-URI = "https" "://" authority path-abempty [ "?" query ]     (RFC 9110 §4.2.2)
    // authority = host [ ":" port ]                                     (RFC 3986 §3.2; nobody's name stands before the host)
    /// Nil: it is an address of mail, or nothing can be brought there.
    package var place: ReportPlace? {
        guard case .web(let text) = target, text.prefix(8).lowercased() == "https://" else { return nil }
        let rest = text.dropFirst(8).prefix { $0 != "#" }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<end].split(separator: ":", omittingEmptySubsequences: false)
        guard let name = authority.first, authority.count <= 2, let host = Domain(name)?.asciiForm, !host.isLiteral, IPAddress(host.value) == nil else {
            return nil
        }
        guard let port = authority.count == 2 ? Int(authority[1]) : 443, (1...65_535).contains(port) else { return nil }
        return ReportPlace(host: host, port: port, path: (rest[end...].hasPrefix("/") ? "" : "/") + rest[end...])
    }
}
