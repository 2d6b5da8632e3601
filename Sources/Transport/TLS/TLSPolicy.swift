import NIOSSL

/// What a TLS handshake must agree on: TLS 1.2 or 1.3; at 1.2 a suite with ECDHE and an AEAD cipher. The three suites of TLS 1.3 are always on.
package struct TLSPolicy: Sendable {
    let minimum: TLSVersion
    /// Of TLS 1.2, in order of preference.
    let suites: [NIOTLSCipher]

    /// Text that names no acceptable suite.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    package init() {
        minimum = .tlsv12
        suites = Self.known.map(\.suite)
    }

    /// - parameter ciphers: the suites in order of preference, by their IANA or OpenSSL names, between colons, commas or spaces. With names
    ///   of TLS 1.3 suites alone, TLS 1.2 is off; with none, the default holds.
    /// - parameter isNewestOnly: TLS 1.2 is off, whatever the suites.
    package init(ciphers: String, isNewestOnly: Bool = false) throws(Fault) {
        var suites: [NIOTLSCipher] = []
        var isNewestNamed = false
        for name in ciphers.split(whereSeparator: { ":, \t\r\n".contains($0) }).map({ $0.uppercased() }) {
            if Self.newest.contains(name) {
                isNewestNamed = true
            } else if let known = Self.known.first(where: { $0.iana == name || $0.openSSL == name }) {
                if !suites.contains(known.suite) { suites.append(known.suite) }
            } else {
                throw Fault(
                    description: "no cipher suite with ECDHE and AEAD: \(name); known are "
                        + (Self.known.map(\.openSSL) + Self.newest).joined(separator: ":"))
            }
        }
        self.init(suites, isNewestOnly: isNewestOnly || suites.isEmpty && isNewestNamed)
    }

    private init(_ suites: [NIOTLSCipher], isNewestOnly: Bool) {
        minimum = isNewestOnly ? .tlsv13 : .tlsv12
        self.suites = suites.isEmpty ? Self.known.map(\.suite) : suites
    }

    private static let newest = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]

    private static let known: [(iana: String, openSSL: String, suite: NIOTLSCipher)] = [
        (
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256",
            .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
        ),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
        (
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384",
            .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
        ),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
        (
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
            .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        ),
        (
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
            .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        ),
    ]
}
