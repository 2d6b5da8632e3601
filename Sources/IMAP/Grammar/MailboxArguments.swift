package import MailModel

/// SELECT's and EXAMINE's (RFC 9051 §6.3.2, RFC 7162 §3.1.8).
package struct SelectArguments: CommandArguments {
    package var mailbox: MailboxArgument
    /// `(CONDSTORE)`.
    package var condstore: Bool
    /// `(QRESYNC (…))`.
    package var resync: ResyncPoint?

    package init(_ mailbox: MailboxArgument, condstore: Bool = false, resync: ResyncPoint? = nil) {
        self.mailbox = mailbox
        self.condstore = condstore
        self.resync = resync
    }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> SelectArguments { try reader.selectArguments() }
}

/// CREATE's (RFC 9051 §6.3.4, RFC 6154 §3).
package struct CreateArguments: CommandArguments {
    package var mailbox: MailboxArgument
    package var specialUses: [SpecialUse]
    /// `\X` that are no use we know: NO [USEATTR].
    package var unknownUses: [String]

    package init(_ mailbox: MailboxArgument, specialUses: [SpecialUse] = [], unknownUses: [String] = []) {
        self.mailbox = mailbox
        self.specialUses = specialUses
        self.unknownUses = unknownUses
    }

    package var changedMailboxes: [MailboxArgument] { [mailbox] }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> CreateArguments { try reader.createArguments() }
}

/// RENAME's (RFC 9051 §6.3.6).
package struct RenameArguments: CommandArguments {
    package let old: MailboxArgument
    package let new: MailboxArgument

    package init(_ old: MailboxArgument, to new: MailboxArgument) {
        self.old = old
        self.new = new
    }

    package var changedMailboxes: [MailboxArgument] { [old, new] }

    //     rename = "RENAME" SP mailbox SP mailbox
    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> RenameArguments {
        let old = try reader.mailbox()
        try reader.space()
        return RenameArguments(old, to: try reader.mailbox())
    }
}
