package import MailModel

/// FETCH's (RFC 9051 §6.4.5, RFC 7162 §3.1.4, §3.2.6).
package struct FetchArguments: Hashable, Sendable {
    package var set: SequenceSet
    /// In the order written, without doubles, macros expanded; 1...`mostItems`.
    package var items: [FetchItem]
    package var changedSince: ModSeq?
    /// `VANISHED`: only with `changedSince` and UID FETCH, once QRESYNC is enabled.
    package var vanished: Bool
    /// Only with UID FETCH (RFC 9394 §3.3).
    package var partial: PartialRange?

    package static let mostItems = 1_000

    package init(set: SequenceSet, items: [FetchItem], changedSince: ModSeq? = nil, vanished: Bool = false) {
        self.set = set
        self.items = items
        self.changedSince = changedSince
        self.vanished = vanished
    }
}

/// What of a message is asked for (RFC 9051 §6.4.5).
package enum FetchItem: Hashable, Sendable {
    case flags
    case uid
    case internalDate
    case envelope
    /// `BODY` without a section: BODYSTRUCTURE without extension data.
    case body
    case bodyStructure
    case rfc822Size
    /// RFC 3501: as `BODY[]`, `BODY.PEEK[HEADER]`, `BODY[TEXT]`, but answered under these names.
    case rfc822
    case rfc822Header
    case rfc822Text
    /// `BODY[…]`, `BODY.PEEK[…]`.
    case section(BodySection, peek: Bool, partial: Partial?)
    /// `BINARY[…]`, `BINARY.PEEK[…]` (RFC 3516); an empty path is the whole message.
    case binary([Int], peek: Bool, partial: Partial?)
    case binarySize([Int])
    case modSeq
    /// RFC 8514.
    case saveDate
    /// RFC 8474 §5.
    case emailID
    case threadID
    /// RFC 8970.
    case preview(lazy: Bool)

    /// Whether fetching it sets `\Seen`.
    package var marksSeen: Bool {
        switch self {
        case .rfc822, .rfc822Text: true
        case .section(_, let peek, _), .binary(_, let peek, _): !peek
        default: false
        }
    }
}

/// `<offset.count>` (RFC 9051 §6.4.5): octets; count at least 1. Neither exceeds 2^63-1, nor does their sum.
package struct Partial: Hashable, Sendable {
    package let offset: Int
    package let count: Int

    package init(offset: Int, count: Int) {
        self.offset = offset
        self.count = count
    }

    package var range: Range<Int> { offset..<(offset + count) }
}

/// What stands in `BODY[…]` (RFC 9051 §6.4.5.1).
package struct BodySection: Hashable, Sendable {
    /// Part numbers from 1, at most `deepest` of them; empty for the message itself.
    package var path: [Int]
    package var specifier: Specifier

    package enum Specifier: Hashable, Sendable {
        /// The whole message, or the body of the part at the path.
        case whole
        /// HEADER of the message, or of the message/rfc822 part at the path.
        case header
        /// Field names as written, 1...; they are compared without case.
        case headerFields([String])
        case headerFieldsNot([String])
        case text
        /// The MIME header of the part; the path is not empty.
        case mime
    }

    package static let deepest = 100

    package init(path: [Int] = [], _ specifier: Specifier = .whole) {
        self.path = path
        self.specifier = specifier
    }
}
