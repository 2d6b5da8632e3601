package import MailModel
package import NIOCore

// Responses of RFC 4314 §7.
extension ByteBuffer {
    //     acl-data = "ACL" SP mailbox *(SP identifier SP rights)
    package mutating func writeAccessList(_ name: MailboxName, _ entries: [(identifier: String, rights: Rights)], _ mode: TextMode) {
        write("* ACL ")
        writeMailbox(name, mode)
        for entry in entries {
            write(" ")
            writeAString(entry.identifier, mode)
            write(" ")
            writeAString(entry.rights.letters, mode)
        }
        write("\r\n")
    }

    //     listrights-data = "LISTRIGHTS" SP mailbox SP identifier SP rights *(SP rights)
    /// The rights that can be given stand alone, for none is tied to another; the obsolete ones come last (RFC 4314 §2.1.1).
    package mutating func writeListRights(
        _ name: MailboxName, _ identifier: String, always: Rights, grantable: Rights, _ mode: TextMode
    ) {
        write("* LISTRIGHTS ")
        writeMailbox(name, mode)
        write(" ")
        writeAString(identifier, mode)
        write(" ")
        writeAString(always.letters, mode)
        for letter in grantable.letters {
            write(" ")
            writeString(String(letter))
        }
        write("\r\n")
    }

    //     myrights-data = "MYRIGHTS" SP mailbox SP rights
    package mutating func writeMyRights(_ name: MailboxName, _ rights: Rights, _ mode: TextMode) {
        write("* MYRIGHTS ")
        writeMailbox(name, mode)
        write(" ")
        writeAString(rights.letters, mode)
        write("\r\n")
    }
}
