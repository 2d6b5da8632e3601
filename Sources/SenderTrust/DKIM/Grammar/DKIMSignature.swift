package import MailModel

/// A DKIM-Signature field (RFC 6376 §3.5).
package struct DKIMSignature: Hashable, Sendable {
    package let key: KeyedSignature
    package let content: SignedContent
    /// i=, as it stands, without blanks; nil: it is `@` and d=.
    package let identity: String?
    /// Of i=.
    package let identityDomain: Domain

    /// What a verdict says of a signature, also of one that cannot be understood.
    package struct Label: Hashable, Sendable {
        package var domain: Domain?
        package var selector: String?
        package var identity: String?
        package var algorithm: String?
        package var signature: String?

        package init() {}

        package init(_ tags: TagList) {
            domain = tags.value("d").flatMap { Domain($0) }.flatMap { $0.isLiteral ? nil : $0 }
            selector = tags.value("s").flatMap { Domain($0) }.flatMap { $0.isLiteral ? nil : $0.value }
            algorithm = tags.value("a").flatMap(Label.plain)
            // RFC 6008 §3
            signature = tags.compact("b").flatMap { Label.plain(String(decoding: $0.prefix(8), as: UTF8.self)) }
        }

        /// Nil for what is not of letters, digits and a few marks, or is long.
        private static func plain(_ text: String) -> String? {
            guard (1...32).contains(text.utf8.count) else { return nil }
            let isPlain = text.utf8.allSatisfy { octet in
                switch octet {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                default: "+/=-_".utf8.contains(octet)
                }
            }
            return isPlain ? text : nil
        }
    }

    package init(_ tags: TagList) throws(SignatureFlaw) {
        guard let version = tags.value("v") else { throw SignatureFlaw(.permerror, "a required tag is missing") }
        guard version == "1" else { throw SignatureFlaw(.permerror, "incompatible version") }
        key = try KeyedSignature(tags)
        content = try SignedContent(tags)
        // §6.1.1
        guard content.names.contains("from") else { throw SignatureFlaw(.permerror, "From is not signed") }
        // §3.5: other methods than this one are ignored.
        if let methods = tags.parts("q"), !methods.contains("dns/txt") { throw SignatureFlaw(.neutral, "unknown query method") }

        guard let text = tags.compact("i") else {
            identity = nil
            identityDomain = key.domain.asciiForm ?? key.domain
            return
        }
        // sig-i-tag = %x69 [FWS] "=" [FWS] [ Local-part ] "@" domain-name
        guard let at = text.lastIndex(of: UInt8(ascii: "@")), let domain = Domain(String(decoding: text[(at + 1)...], as: UTF8.self)), !domain.isLiteral,
            let inner = domain.asciiForm, let outer = key.domain.asciiForm, inner.isWithin(outer)
        else { throw SignatureFlaw(.permerror, "i= lies outside d=") }
        identity = String(decoding: text, as: UTF8.self)
        identityDomain = inner
    }
}
