package import MailModel

/// What a command asks about, or does with, a mailbox's access list (RFC 4314 §3).
package enum AccessCommand: Hashable, Sendable {
    /// GETACL.
    case list
    /// SETACL.
    case change(RightsChange, of: String)
    /// DELETEACL.
    case delete(String)
    /// LISTRIGHTS.
    case rights(of: String)
    /// MYRIGHTS.
    case ownRights
}

/// Such a command's arguments.
package struct AccessArguments: CommandArguments {
    package let command: AccessCommand
    package let mailbox: MailboxArgument

    package init(_ command: AccessCommand, _ mailbox: MailboxArgument) {
        self.command = command
        self.mailbox = mailbox
    }

    //     getacl = "GETACL" SP mailbox ; myrights = "MYRIGHTS" SP mailbox                ; RFC 4314 §7
    static func list(_ reader: inout ArgumentReader) throws(SyntaxError) -> AccessArguments { AccessArguments(.list, try reader.mailbox()) }
    static func ownRights(_ reader: inout ArgumentReader) throws(SyntaxError) -> AccessArguments { AccessArguments(.ownRights, try reader.mailbox()) }

    //     deleteacl = "DELETEACL" SP mailbox SP identifier ; listrights = "LISTRIGHTS" SP mailbox SP identifier
    static func delete(_ reader: inout ArgumentReader) throws(SyntaxError) -> AccessArguments {
        let (mailbox, identifier) = try reader.mailboxAndIdentifier()
        return AccessArguments(.delete(identifier), mailbox)
    }

    static func rights(_ reader: inout ArgumentReader) throws(SyntaxError) -> AccessArguments {
        let (mailbox, identifier) = try reader.mailboxAndIdentifier()
        return AccessArguments(.rights(of: identifier), mailbox)
    }

    //     setacl = "SETACL" SP mailbox SP identifier SP mod-rights
    static func change(_ reader: inout ArgumentReader) throws(SyntaxError) -> AccessArguments {
        let (mailbox, identifier) = try reader.mailboxAndIdentifier()
        try reader.space()
        return AccessArguments(.change(try reader.rightsChange(), of: identifier), mailbox)
    }
}

extension ArgumentReader {
    fileprivate mutating func mailboxAndIdentifier() throws(SyntaxError) -> (MailboxArgument, String) {
        let mailbox = try mailbox()
        try space()
        return (mailbox, try identifier())
    }

    //     identifier = astring
    /// RFC 4314 §3: one that is empty, or that SASLprep would refuse, is BAD.
    private mutating func identifier() throws(SyntaxError) -> String {
        let identifier = try text()
        guard !identifier.isEmpty, identifier.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw SyntaxError("Identifier expected")
        }
        return identifier
    }

    //     mod-rights = astring     ; +rights to add, -rights to remove, rights to replace
    fileprivate mutating func rightsChange() throws(SyntaxError) -> RightsChange {
        let text = try text()
        let sign = text.first.flatMap { "+-".contains($0) ? $0 : nil }
        guard let rights = Rights(letters: sign == nil ? text[...] : text.dropFirst()) else {
            throw SyntaxError("There is no such right")
        }
        switch sign {
        case "+": return .add(rights)
        case "-": return .remove(rights)
        default: return .replace(rights)
        }
    }
}
