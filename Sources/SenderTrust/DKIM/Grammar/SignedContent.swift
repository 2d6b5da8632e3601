import MessageFormat

/// What DKIM-Signature and ARC-Message-Signature say of the message (RFC 6376 §3.5): which fields, how much of the body, in which form.
package struct SignedContent: Hashable, Sendable {
    /// c=
    package let headerForm: Canonicalization
    package let bodyForm: Canonicalization
    /// h=, in lower case, in its order; with names that no field can have.
    package let names: [String]
    /// bh=
    package let bodyHash: [UInt8]
    /// l=, in octets of the canonical body; nil: all of it.
    package let length: Int?

    /// - parameter defaultForms: what a field without c= means.
    package init(_ tags: TagList, defaultForms: String = "simple/simple") throws(SignatureFlaw) {
        guard let hash = tags.compact("bh"), let names = tags.parts("h") else { throw SignatureFlaw(.permerror, "a required tag is missing") }
        guard !hash.isEmpty, let bodyHash = Base64.decode(hash) else { throw SignatureFlaw(.permerror, "bh= is no base64") }
        self.bodyHash = bodyHash
        self.names = names.map { $0.lowercased() }

        // sig-c-tag = %x63 [FWS] "=" [FWS] sig-c-tag-alg ["/" sig-c-tag-alg]
        let forms = (tags.value("c") ?? defaultForms).split(separator: "/", omittingEmptySubsequences: false)
        guard let headerForm = Canonicalization(rawValue: String(forms[0])), forms.count <= 2,
            let bodyForm = forms.count == 2 ? Canonicalization(rawValue: String(forms[1])) : .simple
        else { throw SignatureFlaw(.permerror, "unknown canonicalization") }
        self.headerForm = headerForm
        self.bodyForm = bodyForm

        guard let digits = tags.compact("l") else {
            length = nil
            return
        }
        guard digits.count <= 76, let length = KeyedSignature.decimal(digits) else { throw SignatureFlaw(.permerror, "l= is no number") }
        self.length = length
    }
}
