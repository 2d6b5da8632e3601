import Glibc
import NIOCore
import NIOSSL

/// What an error says, fit for one line: of the system's errors the system's own words, of the TLS library's what went wrong. Where in a library that was is
/// of no use to who reads it.
func oneLine(_ error: any Error) -> String {
    if let error = error as? IOError { return String(cString: strerror(error.errnoCode)) }
    return TLSErrorWords.words(error) ?? oneLine(String(describing: error))
}

func oneLine(_ text: String) -> String {
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(300).map { $0.value >= 0x20 && $0.value != 0x7F ? $0 : " " }))
}

/// The TLS library's reasons, which it has as text alone, in words for people.
enum TLSErrorWords {
    /// What came is none of TLS's records: whoever answers speaks something else.
    private static let foreign = ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNEXPECTED_RECORD"]
    /// That nobody trusted vouches for a certificate.
    private static let untrusted = "CERTIFICATE_VERIFY_FAILED"

    private static let reasons: [(name: String, words: String)] =
        foreign.map { ($0, "what answers speaks no TLS") } + [
            (untrusted, "the certificate comes from no authority that is trusted here"), ("KEY_VALUES_MISMATCH", "the key is another's"),
            ("KEY_TYPE_MISMATCH", "the key is another's"), ("EOF during handshake", "closed in the midst of the handshake"),
            ("ALERT_CERTIFICATE_REQUIRED", "a certificate is demanded of who connects"),
            ("ALERT_PROTOCOL_VERSION", "no version of TLS that both sides speak"), ("UNSUPPORTED_PROTOCOL", "no version of TLS that both sides speak"),
            ("ALERT_HANDSHAKE_FAILURE", "nothing that both sides speak, or a certificate is demanded"), ("NO_SHARED", "no cipher that both sides speak"),
            ("UNRECOGNIZED_NAME", "there is no server by that name"), ("NO_APPLICATION_PROTOCOL", "nothing is spoken there that is spoken here"),
            ("ALERT_INTERNAL_ERROR", "the other side could not go on"),
        ]

    /// Nil: it is none of that library's.
    static func words(_ error: any Error) -> String? {
        let text = String(describing: error)
        if case NIOSSLError.uncleanShutdown = error { return "cut off without an end" }
        guard error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError else { return nil }
        if let known = reasons.first(where: { text.contains($0.name) }) { return known.words }
        // "… OPENSSL_internal:NAME_OF_IT at FILE:LINE"
        guard let mark = text.firstRange(of: "OPENSSL_internal:") else { return "TLS failed" }
        return text[mark.upperBound...].prefix { $0 == "_" || $0.isLetter || $0.isNumber }.lowercased().replacing("_", with: " ")
    }

    static func isForeign(_ error: any Error) -> Bool {
        let text = String(describing: error)
        return foreign.contains(where: text.contains)
    }

    static func isOfTrust(_ error: any Error) -> Bool { String(describing: error).contains(untrusted) }
}
