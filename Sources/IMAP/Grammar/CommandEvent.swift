package import MailModel
package import NIOCore

/// What `CommandReader` found in the client's bytes.
package enum CommandEvent: Hashable, Sendable {
    /// A command and all its literals are there; nothing of its arguments is parsed yet. Ask whether `verb` is legal,
    /// then `parse()`.
    case command(CommandLine)

    /// The client waits for leave to send a literal. Write `+ …` and go on, or call `refuseLiteral` and answer the tag
    /// by NO or BAD.
    case literalRequest(tag: Tag, verb: Verb, octets: Int)

    /// An APPEND (RFC 9051 §6.3.12) or a REPLACE (RFC 8508) up to its message. When `message.synchronising`, write `+ …` and go on. To turn it
    /// down call `refuseLiteral` and answer the tag: nothing more of that command is reported.
    case appendBegin(tag: Tag, target: AppendTarget, message: AppendMessage)
    /// The next octets of the message, as they came; never empty.
    case appendBytes(ByteBuffer)
    /// Text of a message that is put together of parts (CATENATE, RFC 4469): a literal. As `appendBegin`.
    case appendText(tag: Tag, AppendText)
    /// A part of it that a URL names; percent-encoded as it came.
    case appendURL(tag: Tag, String)
    /// Another message of the same command (MULTIAPPEND, RFC 3502); the one before it is whole. As `appendBegin`.
    case appendNext(tag: Tag, message: AppendMessage)
    /// The last message is whole and so is the command: now store, and answer.
    case appendEnd(tag: Tag)

    /// StatusResponse BAD, with `*` for the tag when there is none (RFC 9051 §7.1.3). The reader goes on at the next line. When
    /// an APPEND was under way it is void.
    case syntaxError(tag: Tag?, SyntaxError)

    /// A literal is over its limit; answer NO [TOOBIG] for APPEND, otherwise NO [LIMIT]. An APPEND under way is void.
    /// One that is not synchronising is swallowed as it comes, with the rest of its command: a session that has no
    /// patience for `octets` closes.
    case tooBig(tag: Tag, verb: Verb, octets: Int, synchronising: Bool)

    /// The line that `expectLine` asked for, without its end.
    case line(ByteBuffer)
    /// That line was longer than allowed; it is passed over.
    case lineTooLong
}

/// Where APPEND and REPLACE put their messages.
package struct AppendTarget: Hashable, Sendable {
    package let mailbox: MailboxArgument
    package var verb = Verb.append
    /// What REPLACE takes away: one number, or `*`.
    package var replaced: SequenceSet?

    package init(_ mailbox: MailboxArgument) { self.mailbox = mailbox }
}

/// One message of APPEND, without its bytes.
package struct AppendMessage: Hashable, Sendable {
    package var flags: Flags
    package var date: Timestamp?
    /// Of its literal.
    package var octets: Int
    /// The client waits for `+ …`.
    package var synchronising: Bool
    /// A literal8: it may hold NUL (RFC 3516 §4.4).
    package var isBinary: Bool
    /// There is no literal yet: `appendText` and `appendURL` follow.
    package var isCatenated = false
    /// In RFC 6855's `UTF8 (…)`, which clients wrote before RFC 9755.
    package var isUTF8 = false

    package init(
        flags: Flags = Flags(), date: Timestamp? = nil, octets: Int, synchronising: Bool, isBinary: Bool = false
    ) {
        self.flags = flags
        self.date = date
        self.octets = octets
        self.synchronising = synchronising
        self.isBinary = isBinary
    }
}

/// A literal among the parts of a message, without its bytes.
package struct AppendText: Hashable, Sendable {
    package let octets: Int
    /// The client waits for `+ …`.
    package let synchronising: Bool
}

/// A command as it came, tag and verb read. It does not print itself: it may hold a password.
package struct CommandLine: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    package let tag: Tag
    package let verb: Verb
    /// Behind the verb up to the last line end, without it; literals with their announcing lines are in place.
    let arguments: ByteBuffer
    let textMode: TextMode

    package var description: String { "\(tag) \(verb.rawValue) …" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
