import Conversation
import MailModel
import NIOCore
import PostOffice

// Commands that the session answers of itself, and that need no file of their own.
extension IMAPSession {
    mutating func logOut(_ tag: Tag, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        output.writeBye("Goodbye")
        output.writeTagged(tag, .ok("Logged out"))
        state = .logout
        return nil
    }

    mutating func startTLS(_ tag: Tag, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        output.writeTagged(tag, .ok("Begin TLS"))
        reader.reset()
        return .startTLS
    }

    func writeIdentity(_ output: inout ByteBuffer) {
        output.writeID([IDField("name", settings.serverName), IDField("version", settings.version)], dialect.textMode)
    }

    func writeNamespaces(_ output: inout ByteBuffer) {
        output.writeNamespaces(personal: [Namespace(prefix: "")], others: [Namespace(prefix: OtherUsers.prefix)], dialect.textMode)
    }

    mutating func unselect() {
        selection = nil
    }
}
