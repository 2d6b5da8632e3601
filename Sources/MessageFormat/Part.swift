/// An entity of a message (RFC 2045 §2.4): where it lies, and what its MIME header says of it.
///
/// Ranges are octets from the start of the whole message. `type`, `subtype`, parameter names, `encoding` and the
/// disposition's kind are in lower case. Texts are unfolded, not decoded, and hold no CR, LF or NUL.
package struct Part: Sendable, Equatable {
    /// The header block with its final empty line; empty for a part that is not there (see `Content.multipart`).
    package var headerRange: Range<Int>
    /// The body, encoded as it came; without the line end that belongs to the next boundary delimiter (RFC 2046
    /// §5.1.1).
    package var bodyRange: Range<Int>
    /// Line ends in the body.
    package var lineCount: Int
    package var type: String
    package var subtype: String
    /// RFC 2231 continuations are joined (RFC 2231 §6); one in a charset of its own is `name*` with the value still
    /// encoded.
    package var parameters: [Parameter]
    package var id: String?
    package var description: String?
    /// `7bit` when the field is missing.
    package var encoding: String
    package var md5: String?
    package var disposition: Disposition?
    package var languages: [String]
    package var location: String?
    package var content: Content

    package struct Disposition: Sendable, Equatable {
        package var kind: String
        package var parameters: [Parameter]

        package init(kind: String, parameters: [Parameter]) {
            self.kind = kind
            self.parameters = parameters
        }
    }

    package indirect enum Content: Sendable, Equatable {
        /// No parts to look into. Also an encoded message/rfc822, and what lies beyond the limits.
        case leaf
        /// At least one: a multipart in which no delimiter was found has one empty text/plain part, as Dovecot and
        /// Cyrus say.
        case multipart([Part])
        /// message/rfc822 or message/global, not encoded.
        case message(EmbeddedMessage)
    }

    /// A part of `text/plain; charset=us-ascii`, what an entity without a Content-Type is (RFC 2045 §5.2).
    package init(headerRange: Range<Int>, bodyRange: Range<Int>, lineCount: Int = 0) {
        self.headerRange = headerRange
        self.bodyRange = bodyRange
        self.lineCount = lineCount
        type = "text"
        subtype = "plain"
        parameters = [.usASCII]
        encoding = "7bit"
        languages = []
        content = .leaf
    }

    /// What BODYSTRUCTURE may say of the part: a leaf cannot be a multipart or a message there (RFC 9051 §9
    /// body-type-basic).
    package var structureType: (type: String, subtype: String) {
        guard case .leaf = content, isMultipart || isMessage else { return (type, subtype) }
        return ("application", "octet-stream")
    }

    package var isText: Bool { type == "text" }
    package var isMultipart: Bool { type == "multipart" }
    package var isMessage: Bool { type == "message" && (subtype == "rfc822" || subtype == "global") }
    package var isAttachment: Bool { disposition?.kind == "attachment" }

    /// The charset of a text part, `us-ascii` when none is given (RFC 2046 §4.1.2).
    package var charset: String { parameters.value("charset") ?? "us-ascii" }

    /// The file name that a person would see, decoded: of the disposition, or of the type.
    package var fileName: String? { disposition?.parameters.value("filename") ?? parameters.value("name") }
}

/// A message within a message (RFC 2046 §5.2.1).
package struct EmbeddedMessage: Sendable, Equatable {
    package var headerRange: Range<Int>
    package var envelope: MessageEnvelope
    package var root: Part

    package init(headerRange: Range<Int>, envelope: MessageEnvelope, root: Part) {
        self.headerRange = headerRange
        self.envelope = envelope
        self.root = root
    }
}
