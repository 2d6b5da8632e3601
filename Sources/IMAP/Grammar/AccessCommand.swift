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

extension ArgumentReader {
    //     setacl = "SETACL" SP mailbox SP identifier SP mod-rights ; deleteacl = "DELETEACL" SP mailbox SP identifier   ; RFC 4314 §7
    //     getacl = "GETACL" SP mailbox ; listrights = "LISTRIGHTS" SP mailbox SP identifier ; myrights = "MYRIGHTS" SP mailbox
    /// Nil for another verb.
    mutating func accessCommand(_ verb: Verb) throws(SyntaxError) -> Command? {
        switch verb {
        case .getACL: return .access(.list, try mailbox())
        case .myRights: return .access(.ownRights, try mailbox())
        case .setACL, .deleteACL, .listRights: break
        default: return nil
        }
        let mailbox = try mailbox()
        try space()
        let identifier = try identifier()
        switch verb {
        case .deleteACL: return .access(.delete(identifier), mailbox)
        case .listRights: return .access(.rights(of: identifier), mailbox)
        default:
            try space()
            return .access(.change(try rightsChange(), of: identifier), mailbox)
        }
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
    private mutating func rightsChange() throws(SyntaxError) -> RightsChange {
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
