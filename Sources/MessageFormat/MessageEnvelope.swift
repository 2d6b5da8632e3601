/// The header fields that name a message, as IMAP's ENVELOPE gives them (RFC 9051 §7.5.2).
///
/// Texts are unfolded but not decoded: RFC 2047 words are still in them (`EncodedWord.decode`). Octets beyond ASCII are
/// read as UTF-8 where they are that, otherwise as ISO 8859-1. No text holds CR, LF or NUL.
package struct MessageEnvelope: Sendable, Equatable {
    package var date: String?
    package var subject: String?
    package var from: [EnvelopeAddress] = []
    /// As `from` where the field is absent or empty.
    package var sender: [EnvelopeAddress] = []
    /// As `from` where the field is absent or empty.
    package var replyTo: [EnvelopeAddress] = []
    package var to: [EnvelopeAddress] = []
    package var cc: [EnvelopeAddress] = []
    package var bcc: [EnvelopeAddress] = []
    package var inReplyTo: String?
    package var messageID: String?

    package init() {}
}

/// An address of a header field (RFC 9051 §7.5.2 address structure).
///
/// A group is written as a marker with `mailbox` alone (the group's name), its members, and a marker without anything.
/// An address that lacks its local part or domain has "" there, never nil.
package struct EnvelopeAddress: Sendable, Hashable {
    package var displayName: String?
    /// The source route of an obsolete address, `@a,@b` (RFC 5322 §4.4).
    package var route: String?
    /// The local part without its quoting, or a group's name.
    package var mailbox: String?
    package var host: String?

    package init(displayName: String? = nil, route: String? = nil, mailbox: String?, host: String?) {
        self.displayName = displayName
        self.route = route
        self.mailbox = mailbox
        self.host = host
    }

    package static func groupStart(_ name: String) -> EnvelopeAddress { EnvelopeAddress(mailbox: name, host: nil) }
    package static let groupEnd = EnvelopeAddress(mailbox: nil, host: nil)

    package var isGroupStart: Bool { host == nil && mailbox != nil }
    package var isGroupEnd: Bool { host == nil && mailbox == nil }

    /// `local@domain` of an address that has both.
    package var addrSpec: String? {
        guard let mailbox, let host, !mailbox.isEmpty, !host.isEmpty else { return nil }
        return mailbox + "@" + host
    }
}
