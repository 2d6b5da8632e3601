package import Conversation

/// What every answer has, so that a browser makes nothing else of it than it is. Pages that need more than nothing say so themselves.
package enum SecurityFields {
    package static let all: HTTPFields = [
        "X-Frame-Options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
        "X-XSS-Protection": "1; mode=block",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    ]

    /// In answers over TLS alone (RFC 6797 §7.2).
    package static let secure: HTTPFields = ["Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload"]
}
