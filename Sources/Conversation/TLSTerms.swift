/// What is asked of the other end's certificate.
package struct TLSTerms: Hashable, Sendable {
    package enum Verification: Hashable, Sendable {
        /// None: encryption alone (RFC 7435), by any version of TLS.
        case none
        /// The system's authorities, and one of these names.
        case authorities(names: [String])
        /// One of these records (RFC 7672 §3.1); `names`: one of which the certificate is for where usage 2 is what vouches for it. No records: encryption
        /// alone, by TLS 1.2 at least (RFC 7672 §2.2: there were only such as nobody can use).
        case dane(records: [TLSARecord], names: [String])

        /// Whether it is known afterwards who the other end is.
        package var isAuthenticating: Bool {
            switch self {
            case .none: false
            case .authorities: true
            case .dane(let records, _): !records.isEmpty
            }
        }
    }

    /// SNI; nil: none, as for an IP address.
    package let serverName: String?
    package let verification: Verification

    package init(serverName: String?, verification: Verification) {
        self.serverName = serverName
        self.verification = verification
    }
}

/// Why there is no TLS, or none that is good enough: for people in one line, and for who counts.
package struct TLSFailure: Error, Hashable, Sendable {
    /// Result types, as reports name them (RFC 8460 §4.3).
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case notOffered = "starttls-not-supported"
        case hostMismatch = "certificate-host-mismatch"
        case expired = "certificate-expired"
        case notTrusted = "certificate-not-trusted"
        /// Any other.
        case validation = "validation-failure"
        case tlsaInvalid = "tlsa-invalid"
        case dnssecInvalid = "dnssec-invalid"
        case daneRequired = "dane-required"
        case stsFetchError = "sts-policy-fetch-error"
        case stsPolicyInvalid = "sts-policy-invalid"
        case stsWebPKIInvalid = "sts-webpki-invalid"
    }

    package let kind: Kind
    /// One line.
    package let reason: String
    /// Our address, where a connection was made.
    package var source: String?
    /// False: what answered is no TLS at all.
    package let isSpoken: Bool

    package init(_ kind: Kind, _ reason: String, source: String? = nil, isSpoken: Bool = true) {
        self.kind = kind
        self.reason = reason
        self.source = source
        self.isSpoken = isSpoken
    }
}
