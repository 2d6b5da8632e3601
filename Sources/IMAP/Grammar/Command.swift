package import MailModel
import NIOCore

/// What a command has to do with messages, where it has: each takes its own time.
package enum CommandKind: Hashable, Sendable, CaseIterable {
    case fetch, search, change, other
}

/// What a command says behind its name.
package protocol CommandArguments: Hashable, Sendable {
    /// The search that it makes.
    var searched: SearchArguments? { get }
    /// The charset of its search, where it was written though it may be left out.
    var needlessCharset: String? { get }
    /// Mailboxes that it makes, names anew, removes or subscribes to.
    var changedMailboxes: [MailboxArgument] { get }
    var kind: CommandKind { get }
}

extension CommandArguments {
    package var searched: SearchArguments? { nil }
    package var needlessCharset: String? { nil }
    package var changedMailboxes: [MailboxArgument] { [] }
    package var kind: CommandKind { .other }
}

/// A command without its tag (RFC 9051 §6). APPEND and REPLACE are not among them: they are streamed (`CommandEvent.appendBegin`).
package struct Command: Hashable, Sendable {
    package let verb: Verb
    package let arguments: any CommandArguments

    package init(_ verb: Verb, _ arguments: any CommandArguments) {
        self.verb = verb
        self.arguments = arguments
    }

    package static func == (a: Command, b: Command) -> Bool { a.verb == b.verb && AnyHashable(a.arguments) == AnyHashable(b.arguments) }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(verb)
        hasher.combine(AnyHashable(arguments))
    }
}

/// Of a command that is its name alone.
package struct NoArguments: CommandArguments {
    package init() {}

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> NoArguments { NoArguments() }
}

/// A mailbox as a command names it: any text, which may be no possible name. Alone, the arguments of DELETE, SUBSCRIBE and UNSUBSCRIBE.
package struct MailboxArgument: CommandArguments {
    /// Decoded from modified UTF-7 where the connection uses that.
    package let text: String
    /// Nil when no mailbox can be called that: NO, not BAD.
    package let name: MailboxName?
    /// It was written as RFC 3501 §5.1.3 wants it, where the connection uses that: no new mailbox is called what was not.
    package let isWellEncoded: Bool

    package init(_ text: String, isWellEncoded: Bool = true) {
        self.text = text
        self.isWellEncoded = isWellEncoded
        name = MailboxName(text)
    }

    package var changedMailboxes: [MailboxArgument] { [self] }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> MailboxArgument { try reader.mailbox() }
}
