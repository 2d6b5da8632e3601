package import MailModel
import MessageFormat

/// What DKIM-Signature, ARC-Message-Signature and ARC-Seal have in common (RFC 6376 §3.5, RFC 8617 §4.1): by which key something is signed.
package struct KeyedSignature: Hashable, Sendable {
    /// a=
    package let algorithm: DKIMAlgorithm
    /// d=
    package let domain: Domain
    /// s=
    package let selector: String
    /// Where the key's record stands (RFC 6376 §3.6.2.1), with A-labels (RFC 8616 §4).
    package let keyName: Domain
    /// b=
    package let octets: [UInt8]
    /// The value of b= within the field's value.
    package let gap: Range<Int>
    /// t=, x=: seconds since 1970.
    package let time: Int64?
    package let expires: Int64?

    package init(_ tags: TagList) throws(SignatureFlaw) {
        guard let algorithm = tags.value("a"), let domain = tags.value("d"), let selector = tags.value("s"), let gap = tags.range("b"),
            let signature = tags.compact("b")
        else { throw SignatureFlaw(.permerror, "a required tag is missing") }
        // RFC 8301 §3.1
        if algorithm == "rsa-sha1" { throw SignatureFlaw(.permerror, "rsa-sha1 is no longer accepted") }
        guard let known = DKIMAlgorithm(rawValue: algorithm) else { throw SignatureFlaw(.neutral, "unknown algorithm") }
        self.algorithm = known
        guard let domain = Domain(domain), !domain.isLiteral else { throw SignatureFlaw(.permerror, "d= is no domain") }
        guard let name = KeyedSignature.keyName(selector, domain) else { throw SignatureFlaw(.permerror, "s= is no selector") }
        self.domain = domain
        self.selector = selector
        keyName = name
        guard !signature.isEmpty, let octets = Base64.decode(signature) else { throw SignatureFlaw(.permerror, "b= is no base64") }
        self.octets = octets
        self.gap = gap
        time = try KeyedSignature.seconds(tags, "t")
        expires = try KeyedSignature.seconds(tags, "x")
        if let time, let expires, expires <= time { throw SignatureFlaw(.permerror, "x= is before t=") }
    }

    /// Nil: there is no such name.
    package static func keyName(_ selector: String, _ domain: Domain) -> Domain? {
        guard let selector = Domain(selector), !selector.isLiteral, let name = Domain("\(selector.value)._domainkey.\(domain.value)")?.asciiForm,
            name.value.utf8.count <= 253
        else { return nil }
        return name
    }

    // 1*12DIGIT; more are read, as "the end of time" (§3.5, x=).
    private static func seconds(_ tags: TagList, _ name: String) throws(SignatureFlaw) -> Int64? {
        guard let digits = tags.compact(name) else { return nil }
        guard let value = decimal(digits) else { throw SignatureFlaw(.permerror, "\(name)= is no number") }
        return Int64(value)
    }

    /// Beyond `Int.max` it is that; nil for anything but digits.
    static func decimal(_ digits: [UInt8]) -> Int? {
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self)) ?? .max
    }
}
