import MailModel
import MessageFormat
import NIOCore

// The messages of APPEND and REPLACE.
extension CommandReader {
    /// An APPEND that is under way.
    struct Appending: Hashable, Sendable {
        let tag: Tag
        let verb: Verb
        /// What a line goes on with.
        var place: Place

        enum Place: Hashable, Sendable {
            /// The command's arguments, from the first on.
            case opening
            /// Behind a message.
            case afterMessage
            /// Behind a literal of CATENATE.
            case inCatenation
            /// Behind the literal of `UTF8 (…)`.
            case inUTF8
        }
    }

    /// A line of an APPEND: of its first, or of one behind a literal.
    mutating func appendLine(_ appending: Appending, _ arguments: ByteBuffer, _ mark: LiteralMark?) -> Progress {
        var line = AppendLine(arguments, textMode, appending, mark)
        line.allowsMore = acceptsMultipleAppend && !appending.verb.replacesMessage
        line.allowsBinary = acceptsBinary
        let end: AppendLine.End
        do throws(SyntaxError) {
            end = try line.read()
        } catch {
            return fail(appending.tag, error, mark)
        }
        let head = Head(tag: appending.tag, verb: appending.verb, end: 0)
        switch (end, mark) {
        case (.argument, let mark?):
            // The mailbox's name, or a URL.
            if appending.place == .opening { return announce(mark, self.head ?? head) }
            return announce(mark, head, then: .append(appending))
        case (.literal(let place), let mark?):
            guard mark.octets <= limits.message else { return tooBig(mark.octets, mark.synchronising, head) }
            reset()
            state = .message(remaining: mark.octets, Appending(tag: appending.tag, verb: appending.verb, place: place))
            isOffered = mark.synchronising
        default:
            guard mark == nil else { return fail(appending.tag, SyntaxError("A literal cannot stand here"), mark) }
            reset()
            line.events.append(.appendEnd(tag: appending.tag))
        }
        queue = line.events
        return queue.isEmpty ? .again : .event(queue.removeFirst())
    }

    mutating func readMessage(_ remaining: Int, _ appending: Appending, _ input: inout ByteBuffer) -> Progress {
        guard remaining > 0 else {
            state = .line(.append(appending))
            return .again
        }
        guard input.readableBytes > 0, let octets = input.readSlice(length: min(remaining, input.readableBytes)) else {
            return .more
        }
        state = .message(remaining: remaining - octets.readableBytes, appending)
        return .event(.appendBytes(octets))
    }

    mutating func endAppendLine(_ appending: Appending, _ contentEnd: Int) -> Progress {
        let mark = LiteralMark(endOf: bytes(lineStart, contentEnd))
        guard gathered.readableBytes < limits.command else {
            return fail(appending.tag, SyntaxError("Command too long"), mark)
        }
        return appendLine(appending, bytes(0, contentEnd), mark)
    }
}

/// What stands in a line of an APPEND, up to the literal that it announces.
struct AppendLine {
    /// What comes next.
    enum End {
        /// The octets of an argument; then the line is read anew.
        case argument
        /// Those of a message or of a part of one.
        case literal(then: CommandReader.Appending.Place)
        case command
    }

    private var reader: ArgumentReader
    private let appending: CommandReader.Appending
    private let mark: LiteralMark?
    var allowsMore = false
    var allowsBinary = false
    var events: [CommandEvent] = []

    /// Parts of CATENATE, and messages of MULTIAPPEND, in one line.
    private static let mostEvents = 500

    init(_ arguments: ByteBuffer, _ textMode: TextMode, _ appending: CommandReader.Appending, _ mark: LiteralMark?) {
        reader = ArgumentReader(arguments, textMode)
        self.appending = appending
        self.mark = mark
    }

    mutating func read() throws(SyntaxError) -> End {
        switch appending.place {
        case .opening:
            guard let target = try target() else { return .argument }
            return try message { .appendBegin(tag: $0, target: target, message: $1) }
        case .afterMessage:
            return try rest()
        case .inCatenation:
            return try parts(isFirst: false)
        case .inUTF8:
            try reader.expect(")")
            return try rest()
        }
    }

    //     append      = "APPEND" SP mailbox 1*append-message            ; RFC 9051 §9, RFC 3502 §6.3.11
    //     replace     = "REPLACE" SP seq-number SP mailbox append-message   ; RFC 8508 §7
    //     uid-replace = "UID" SP "REPLACE" SP uniqueid SP mailbox append-message
    /// Nil when the literal that the line announces is the mailbox's name.
    private mutating func target() throws(SyntaxError) -> AppendTarget? {
        try reader.space()
        var replaced: SequenceSet?
        if appending.verb.replacesMessage {
            replaced = .one(try reader.seqNumber())
            try reader.space()
        }
        if mark != nil, reader.isAtAnnouncement { return nil }
        var target = AppendTarget(try reader.mailbox())
        target.verb = appending.verb
        target.replaced = replaced
        return target
    }

    //     append-message = [SP flag-list] [SP date-time] SP append-data
    //     append-data    = literal / literal8
    //     append-data  =/ "CATENATE" SP "(" cat-part *(SP cat-part) ")"   ; RFC 4469 §5
    //     append-data  =/ "UTF8" SP "(" literal8 ")"                      ; RFC 6855 §4, gone from RFC 9755
    private mutating func message(_ event: (Tag, AppendMessage) -> CommandEvent) throws(SyntaxError) -> End {
        try reader.space()
        var message = AppendMessage(octets: 0, synchronising: false)
        if reader.peek() == UInt8(ascii: "(") {
            message.flags = try reader.flagList(ignoringUnknown: true)
            try reader.space()
        }
        if reader.peek() == UInt8(ascii: "\"") {
            message.date = try reader.dateTime()
            try reader.space()
        }
        if reader.scanner.take(caseInsensitive: "CATENATE (") {
            message.isCatenated = true
            try add(event(appending.tag, message))
            return try parts(isFirst: true)
        }
        if reader.scanner.take(caseInsensitive: "UTF8 (") {
            message.isUTF8 = true
            guard mark?.isBinary == true else { throw SyntaxError("A literal8 expected") }
        }
        guard let mark, reader.isAtAnnouncement else {
            throw SyntaxError("A flag list, a date or the message expected")
        }
        guard !mark.isBinary || allowsBinary else { throw SyntaxError("A literal8 cannot stand here") }
        message.octets = mark.octets
        message.synchronising = mark.synchronising
        message.isBinary = mark.isBinary
        try add(event(appending.tag, message))
        return .literal(then: message.isUTF8 ? .inUTF8 : .afterMessage)
    }

    //     cat-part = text-literal / url ; text-literal = "TEXT" SP literal ; url = "URL" SP astring
    private mutating func parts(isFirst: Bool) throws(SyntaxError) -> End {
        var isFirst = isFirst
        while isFirst || !reader.take(")") {
            if !isFirst { try reader.space() }
            isFirst = false
            if reader.scanner.take(caseInsensitive: "TEXT ") {
                guard let mark, reader.isAtAnnouncement else { throw SyntaxError("A literal expected") }
                guard !mark.isBinary else { throw SyntaxError("A literal8 cannot stand here") }
                try add(
                    .appendText(tag: appending.tag, AppendText(octets: mark.octets, synchronising: mark.synchronising)))
                return .literal(then: .inCatenation)
            }
            guard reader.scanner.take(caseInsensitive: "URL ") else { throw SyntaxError("TEXT or URL expected") }
            if mark != nil, reader.isAtAnnouncement { return .argument }
            try add(.appendURL(tag: appending.tag, try reader.text()))
        }
        return try rest()
    }

    /// Behind a message.
    private mutating func rest() throws(SyntaxError) -> End {
        if reader.scanner.isAtEnd { return .command }
        guard allowsMore else { throw SyntaxError("Unexpected text behind the message") }
        return try message { .appendNext(tag: $0, message: $1) }
    }

    private mutating func add(_ event: CommandEvent) throws(SyntaxError) {
        guard events.count < AppendLine.mostEvents else { throw SyntaxError("Too many parts") }
        events.append(event)
    }
}
