package import MailModel

/// An entry that says something about a mailbox or the server (RFC 5464 §3.1).
package struct Annotation: Hashable, Sendable {
    /// In small letters: `/private/…`, which only its account sees, or `/shared/…`.
    package let name: String
    package let value: [UInt8]

    package init(name: String, value: [UInt8]) {
        self.name = name
        self.value = value
    }

    package static func isShared(_ name: String) -> Bool { name.hasPrefix("/shared/") }

    /// Entries of one mailbox, or of the server, that one account keeps.
    package static let most = 100
    /// What an account keeps in all: entries, and octets of names and values.
    package static let mostOfAccount = (entries: 2_000, octets: 4 << 20)
}

/// Annotations. A mailbox's shared ones are its owner's, whoever sets them; private ones belong to the account that set them. They stay with a mailbox
/// that is renamed and go with one that is deleted; renaming INBOX copies them (RFC 5464 §4.1). Values may hold any octets.
package protocol MetadataStore: Sendable {
    /// The shared ones and the account's private ones, in order of name; `mailbox` nil: the account's of the server. `noSuchMailbox`.
    func annotations(of mailbox: MailboxID?, for account: AccountID) async throws -> [Annotation]
    /// All of them or none; nil removes. One change of each account whose entries differ then; shared ones of the server are nobody's, and
    /// `notAllowed`. `noSuchMailbox`, `tooManyAnnotations`.
    func set(annotations: [String: [UInt8]?], of mailbox: MailboxID?, for account: AccountID) async throws
}
