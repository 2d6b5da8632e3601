/// What a message may ask of the parser. Beyond a limit the rest is opaque body or is left out; every offset stays
/// right.
package struct MessageLimits: Sendable, Equatable {
    /// Entities within entities; what lies deeper is one opaque part. Honest mail stays below ten.
    package var depth = 100
    /// Entities in all; the last one then reaches to the end of the message. Digests of a month stay below a thousand.
    package var parts = 10_000
    /// Octets of all header blocks together that are looked at; the biggest honest header is some 100 KiB.
    package var headerOctets = 1 << 20
    /// Fields of all header blocks together that are looked at.
    package var headerFields = 10_000
    /// Parameters of all fields together; a part has two or three.
    package var parameters = 1_000
    /// Addresses of all fields together; SMTP gives a message 1,000 recipients.
    package var addresses = 10_000
    /// Message identifiers kept of References and In-Reply-To: the first, and the last ones.
    package var references = 100
    /// The top header is kept in the outline up to this size, so that header fetches need no read.
    package var keptHeaderOctets = 16 << 10

    package init() {}

    package static let standard = MessageLimits()

    /// No boundary delimiter is longer: RFC 5322 §2.1.1 gives a line 998 octets before its CRLF.
    static let delimiterLine = 1_000
}
