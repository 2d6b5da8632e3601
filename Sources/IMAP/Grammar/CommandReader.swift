import MessageFormat
package import NIOCore

/// Turns a client's bytes, cut in any way, into events. It holds at most a command and a line within the limits, never
/// a message.
///
/// Ask `next` again and again until it answers nil, then again with more bytes. What it uses it takes off the input's
/// front; what it needs of an unfinished line it keeps. Events do not depend on how the bytes were cut, but for the
/// cuts between `appendBytes`. A line ends with LF, with or without CR before it; every octet before the LF counts to
/// the line's length.
package struct CommandReader: Sendable {
    package struct Limits: Hashable, Sendable {
        /// Octets of one line, without its LF.
        package var line: Int
        /// Octets of a command: its lines and literals, without APPEND's messages.
        package var command: Int
        /// Octets of one message of APPEND.
        package var message: Int

        package init(line: Int, command: Int, message: Int) {
            self.line = line
            self.command = command
            self.message = message
        }

        /// Before login: 64 KB in all, and no messages.
        package static let stranger = Limits(line: 8_192, command: 65_536, message: 0)
    }

    /// Counts from the next line on.
    package var limits: Limits
    /// What the names in commands are read by; a command keeps what held when it was read.
    package var textMode: TextMode = .ascii
    /// Whether APPEND takes a literal8 (BINARY, RFC 3516).
    package var acceptsBinary = false
    /// Whether APPEND takes several messages (MULTIAPPEND, RFC 3502).
    package var acceptsMultipleAppend = false

    enum State: Hashable, Sendable {
        /// Gathers a line; the next event comes of it. It begins at `lineStart` of `gathered`.
        case line(Phase)
        /// Gathers a literal's octets, for the line that goes on behind them.
        case literal(remaining: Int, Phase)
        case message(remaining: Int, Appending)
        /// Passes over a literal's octets, then over the rest of the command.
        case swallow(remaining: Int)
        /// Passes over a line, all but its end, which may announce a literal.
        case skip(SkippedLine)
        /// Passes over a bare line.
        case skipBare
    }

    enum Phase: Hashable, Sendable {
        /// The first line of a command, or one behind a literal.
        case command
        /// Behind a literal of APPEND.
        case append(Appending)
        case bare(limit: Int)
    }

    /// How much of the command under way is known.
    struct Head: Hashable, Sendable {
        let tag: Tag
        let verb: Verb
        /// Where the arguments begin.
        let end: Int
    }

    var state = State.line(.command)
    /// The command under way up to the line that is being gathered, and that line as far as it is there.
    var gathered = ByteBuffer()
    var lineStart = 0
    var head: Head?
    /// Events of the last line that are to be reported yet.
    var queue: [CommandEvent] = []

    package init(limits: Limits = .stranger) { self.limits = limits }

    /// Between commands: nothing of one has come yet.
    package var isIdle: Bool { state == .line(.command) && gathered.readableBytes == 0 && queue.isEmpty }

    /// The next line is no command: a SASL response or IDLE's DONE. Only between commands. One `line` or `lineTooLong`
    /// follows, then commands again. `limit`: octets without the LF.
    package mutating func expectLine(limit: Int) {
        state = .line(.bare(limit: limit))
    }

    /// Turns down the literal that `literalRequest`, `appendBegin`, `appendText` or `appendNext` has just reported, or gives up the
    /// APPEND that is coming in. What is on its way all the same is passed over, with the rest of its command,
    /// and no event comes of it.
    package mutating func refuseLiteral() {
        let wasOffered = isOffered
        let was = state
        reset()
        guard !wasOffered else { return }
        switch was {
        case .message(let remaining, _), .literal(let remaining, _): state = .swallow(remaining: remaining)
        case .line(.append): state = .skip(SkippedLine())
        default: break
        }
    }

    /// A client waits for leave to send its literal.
    var isOffered = false

    /// Forgets what was gathered and stands before a command: for STARTTLS (RFC 9051 §6.2.1).
    package mutating func reset() {
        state = .line(.command)
        gathered = ByteBuffer()
        lineStart = 0
        head = nil
        isOffered = false
        queue = []
    }

    /// The next event; nil when it takes more bytes, and then `input` is empty.
    package mutating func next(_ input: inout ByteBuffer) -> CommandEvent? {
        if !queue.isEmpty { return queue.removeFirst() }
        isOffered = false
        while true {
            switch step(&input) {
            case .event(let event): return event
            case .more: return nil
            case .again: continue
            }
        }
    }

    enum Progress {
        case event(CommandEvent)
        case more
        case again
    }

    private mutating func step(_ input: inout ByteBuffer) -> Progress {
        switch state {
        case .line(let phase): readLine(phase, &input)
        case .literal(let remaining, let phase): readLiteral(remaining, phase, &input)
        case .message(let remaining, let appending): readMessage(remaining, appending, &input)
        case .swallow(let remaining): swallow(remaining, &input)
        case .skip(let line): skip(line, &input)
        case .skipBare: skipBare(&input)
        }
    }
}
