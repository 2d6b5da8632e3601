package import MailModel

/// An assertion record: a text at `SELECTOR._bimi.DOMAIN`.
package struct BIMIRecord: Hashable, Sendable {
    /// l=, a=: nil where they are empty or not there.
    package let indicator: String?
    package let authority: String?

    package static func name(of domain: Domain, selector: String) -> Domain? {
        let name = "\(selector)._bimi.\(domain.value)"
        return domain.isASCII && !domain.isLiteral && name.utf8.count <= 253 ? Domain(name) : nil
    }

    /// Whether a text calls itself a record.
    package static func isRecord(_ text: String) -> Bool {
        guard let first = text.utf8.first, first | 0x20 == UInt8(ascii: "v") else { return false }
        var tags = PolicyTags(text)
        guard let version = tags.next() else { return false }
        return version.name == "v" && version.value == "BIMI1"
    }

    // bimi-record = bimi-version *WSP ";" *WSP bimi-location [*WSP ";" *WSP bimi-authority] …
    // bimi-uri    = "" / URI, of the scheme https
    /// Nil: it is no record, has no l=, or a place that is not reached by https.
    package init?(_ text: String) {
        guard BIMIRecord.isRecord(text) else { return nil }
        var tags = PolicyTags(text)
        var places: [String: String] = [:]
        while let tag = tags.next() { places[tag.name] = places[tag.name] ?? String(tag.value) }
        guard let indicator = places["l"], BIMIRecord.isPlace(indicator) else { return nil }
        let authority = places["a"] ?? ""
        guard BIMIRecord.isPlace(authority) else { return nil }
        self.indicator = indicator.isEmpty ? nil : indicator
        self.authority = authority.isEmpty ? nil : authority
    }

    private static func isPlace(_ uri: String) -> Bool {
        if uri.isEmpty { return true }
        guard uri.lowercased().hasPrefix("https://"), (9...512).contains(uri.utf8.count) else { return false }
        return uri.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"\"<>\\^`{|}".utf8.contains($0) }
    }
}
