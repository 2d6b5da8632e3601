import MailModel
import NIOCore
import PostOffice

/// One message on its way: MAIL, RCPT, and the text. However it ends, each recipient that was asked for has an outcome.
struct Transaction {
    private enum Command {
        case mail
        case rcpt(Envelope.Recipient)
        case data
    }

    /// By the place of the recipient.
    private(set) var outcomes: [Int: CarrierReport.Outcome] = [:]
    /// The connection has nothing more to say.
    private(set) var isOver = false

    let dialogue: Dialogue
    let offer: ServerOffer
    let message: OutgoingMessage
    private let dialect: MailServer.Dialect
    private let envelope: Envelope
    /// On a connection that has brought nothing before: that it ends at once is no way of saying that it was idle for too long.
    private let isFirst: Bool
    /// The server has said something that was not goodbye.
    private var isHeard = false
    /// MAIL was accepted.
    private var isBegun = false
    /// 354: it waits for a text.
    private var isAwaitingText = false
    /// Places of those that RCPT was accepted for, in order.
    private var accepted: [Int] = []
    /// All of the text was taken, with its end.
    private var wasSent = false

    init(
        _ dialogue: Dialogue, _ offer: ServerOffer, _ dialect: MailServer.Dialect, _ message: OutgoingMessage, _ envelope: Envelope, isFirst: Bool
    ) {
        self.dialogue = dialogue
        self.offer = offer
        self.dialect = dialect
        self.message = message
        self.envelope = envelope
        self.isFirst = isFirst
    }

    mutating func run() async {
        do throws(Breakage) {
            try await present()
            guard !accepted.isEmpty else { return try await withdraw() }
            if offer.chunking { return try await sendChunks() }
            if !isAwaitingText {
                try await ask([.data])
                guard isAwaitingText else { return try await withdraw() }
            }
            try await sendText()
        } catch {
            conclude(error)
        }
    }

    // MARK: The envelope

    /// MAIL and RCPT, and DATA in the same breath where the server takes commands in groups (RFC 2920 §3.1).
    private mutating func present() async throws(Breakage) {
        var commands = [Command.mail] + envelope.recipients.map(Command.rcpt)
        let most = offer.pipelining ? max(1, dialogue.settings.commandsAhead) : 1
        if offer.pipelining, !offer.chunking, commands.count < most { commands.append(.data) }
        var rest = commands[...]
        while !rest.isEmpty {
            try await ask(Array(rest.prefix(most)))
            rest = rest.dropFirst(most)
            guard isBegun else { return }
        }
    }

    private mutating func ask(_ commands: [Command]) async throws(Breakage) {
        let lines = commands.map { command in
            switch command {
            case .mail: envelope.mail
            case .rcpt(let recipient): recipient.line
            case .data: "DATA"
            }
        }
        // Some may have been taken, and answered, before it closed.
        var fault: Breakage?
        do throws(Breakage) { try await dialogue.say(lines) } catch { fault = error }
        for command in commands {
            var patience = dialogue.settings.command
            if case .data = command { patience = dialogue.settings.data }
            if fault != nil { patience = dialogue.settings.lastWords }
            let reply = try await dialogue.reply(within: patience)
            if reply.code == 421 { throw .signedOff(reply) }
            isHeard = true
            try note(reply, to: command)
        }
        if let fault { throw fault }
    }

    private mutating func note(_ reply: ServerReply, to command: Command) throws(Breakage) {
        switch command {
        case .mail:
            if reply.isPositive { isBegun = true } else { try refuse(envelope.recipients.map(\.place), reply) }
        case .rcpt(let recipient):
            if reply.isPositive {
                if isBegun { accepted.append(recipient.place) }
            } else if isBegun {
                try refuse(recipient, reply)
            }
        case .data:
            if reply.code == 354 {
                isAwaitingText = true
            } else if reply.code < 400 {
                throw .outOfStep("\(reply.remote.written) to DATA")
            } else {
                try refuse(accepted, reply)
                accepted = []
            }
        }
    }

    private mutating func refuse(_ places: [Int], _ reply: ServerReply) throws(Breakage) {
        guard reply.code >= 400 else { throw .outOfStep(reply.remote.written) }
        for place in places where outcomes[place] == nil { outcomes[place] = .refused(reply.remote, isPermanent: reply.isPermanent) }
    }

    private mutating func refuse(_ recipient: Envelope.Recipient, _ reply: ServerReply) throws(Breakage) {
        guard Transaction.meansTooMany(reply) else { return try refuse([recipient.place], reply) }
        // Those before it go first, and it comes with the next transaction; where there are none before it, it is not the number.
        outcomes[recipient.place] = accepted.isEmpty ? .refused(reply.remote, isPermanent: false) : .untried
    }

    /// 452, and 552 of servers that know no better: too many recipients (RFC 5321 §4.5.3.1.10). Not so where the enhanced code speaks of the mailbox or of
    /// the message's size (RFC 3463 §3.3, §3.4).
    private static func meansTooMany(_ reply: ServerReply) -> Bool {
        if let status = reply.status {
            if (status.subject, status.detail) == (5, 3) { return true }
            if status.subject == 2 || (status.subject, status.detail) == (3, 4) { return false }
        }
        return reply.code == 452 || reply.code == 552
    }

    /// Nobody is left whom a text could reach.
    private mutating func withdraw() async throws(Breakage) {
        if isAwaitingText {
            // RFC 2920 §3.1: what answers 354 all the same gets an empty text. LMTP has no answer to that.
            guard dialect == .smtp else { return isOver = true }
            try await dialogue.write(ByteBuffer(string: ".\r\n"))
            if try await dialogue.reply(within: dialogue.settings.end).code == 421 { isOver = true }
        } else if isBegun {
            try await dialogue.say("RSET")
            if try await !dialogue.reply(within: dialogue.settings.command).isPositive { isOver = true }
        }
        if dialogue.isAhead { isOver = true }
    }

    // MARK: The text

    private mutating func sendText() async throws(Breakage) {
        guard !dialogue.isAhead else { throw .outOfStep("more than 354 to DATA") }
        var encoder = TextEncoder(doublesDots: true)
        var offset = 0
        repeat {
            guard let piece = await read(at: offset, dialogue.settings.piece) else { return }
            // A refusal before the end is meant; a welcome is a lie.
            if offset > 0, try await isInterrupted() { return }
            offset += piece.readableBytes
            var output = ByteBuffer()
            encoder.encode(piece, into: &output)
            if offset >= message.size { encoder.finish(into: &output) }
            guard try await write(output, behind: 0) else { return }
        } while offset < message.size
        wasSent = true
        try await takeAnswers()
    }

    /// BDAT (RFC 3030 §2).
    private mutating func sendChunks() async throws(Breakage) {
        let most = offer.pipelining ? max(1, dialogue.settings.chunksAhead) : 1
        var encoder = TextEncoder(doublesDots: false)
        var offset = 0
        var unanswered = 0
        repeat {
            guard let piece = await read(at: offset, dialogue.settings.chunk) else { return }
            offset += piece.readableBytes
            var text = ByteBuffer()
            encoder.encode(piece, into: &text)
            let isLast = offset >= message.size
            if isLast { encoder.finish(into: &text) }
            var output = ByteBuffer(string: "BDAT \(text.readableBytes)\(isLast ? " LAST" : "")\r\n")
            output.writeBuffer(&text)
            guard try await write(output, behind: unanswered) else { return }
            if isLast { break }
            unanswered += 1
            while unanswered >= most {
                unanswered -= 1
                guard try await takeChunkAnswer() else { return }
            }
        } while true
        wasSent = true
        for _ in 0..<unanswered { guard try await takeChunkAnswer() else { return } }
        try await takeAnswers()
    }

    /// Nil: it cannot be read, and the connection, which waits for it, is over.
    private mutating func read(at offset: Int, _ most: Int) async -> ByteBuffer? {
        guard offset < message.size else { return ByteBuffer() }
        var outcome = CarrierReport.Outcome.unreadable
        do {
            let piece = try await message.read(offset..<min(offset + most, message.size))
            if piece.readableBytes > 0 { return piece }
        } catch { outcome = .unread(error) }
        for place in accepted { outcomes[place] = outcome }
        isOver = true
        return nil
    }

    /// False: it refused before it went.
    private mutating func write(_ output: ByteBuffer, behind expected: Int) async throws(Breakage) -> Bool {
        do throws(Breakage) {
            try await dialogue.write(output)
            return true
        } catch {
            guard let reply = await dialogue.lastWords(behind: expected) else { throw error }
            try refuse(accepted, reply)
            isOver = true
            return false
        }
    }

    /// Whether it has refused in the midst of the text.
    private mutating func isInterrupted() async throws(Breakage) -> Bool {
        switch await dialogue.glance() {
        case .nothing: return false
        case .broken(let breakage): throw breakage
        case .reply(let reply):
            guard reply.code >= 400 else { throw .outOfStep("\(reply.remote.written) before the end of the text") }
            try refuse(accepted, reply)
            isOver = true
            return true
        }
    }

    /// Of a chunk that was not the last; false: it was refused, and those behind it are too.
    private mutating func takeChunkAnswer() async throws(Breakage) -> Bool {
        let reply = try await dialogue.reply(within: wasSent ? dialogue.settings.end : dialogue.settings.command)
        if reply.isPositive { return true }
        try refuse(accepted, reply)
        isOver = true
        return false
    }

    /// To the end of the text: one, or with LMTP one for each recipient that was accepted (RFC 2033 §4.2).
    private mutating func takeAnswers() async throws(Breakage) {
        var unanswered = accepted[...]
        while let first = unanswered.first {
            let reply = try await dialogue.reply(within: dialogue.settings.end)
            let places = dialect == .lmtp ? [first] : Array(unanswered)
            unanswered = unanswered.dropFirst(places.count)
            if reply.isPositive {
                for place in places { outcomes[place] = .delivered(reply.remote, relaysNotify: offer.dsn) }
            } else {
                try refuse(places, reply)
                if reply.code == 421 { isOver = true }
            }
        }
        if dialogue.isAhead { isOver = true }
    }

    // MARK: The end

    /// The connection is of no more use.
    private mutating func conclude(_ breakage: Breakage) {
        isOver = true
        for recipient in envelope.recipients where outcomes[recipient.place] == nil {
            outcomes[recipient.place] =
                if !isFirst, !isHeard {
                    .untried
                } else if case .signedOff(let reply) = breakage {
                    .refused(reply.remote, isPermanent: false)
                } else {
                    .interrupted(breakage.text, wasSent: wasSent && accepted.contains(recipient.place))
                }
        }
    }
}
