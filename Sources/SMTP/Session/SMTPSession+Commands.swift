import Conversation
import MessageFormat
import NIOCore

// Carrying out a command line.
extension SMTPSession {
    var standing: VerbRule.Standing {
        switch phase {
        case .ready, .exchange: .ready
        case .envelope: .envelope
        case .chunks: .chunks
        case .greeting, .connected, .text, .waiting, .closing: .connected
        }
    }

    /// A line is there. Nil: go on.
    mutating func obey(_ line: ByteBuffer, _ input: inout ByteBuffer, _ output: inout ByteBuffer) -> Step<SMTPWork>? {
        do throws(SyntaxError) {
            if case .exchange(let exchange) = phase {
                phase = .ready
                return try answer(exchange, AuthResponse(line), &output)
            }
            return try carryOut(CommandLine(line), &input, &output)
        } catch {
            settings.metrics.security.note(.invalidInput)
            say(Reply(error), &output)
            // What follows cannot be told from commands.
            if error == .chunkSize || error == .foreign { phase = .closing }
            return nil
        }
    }

    private mutating func carryOut(
        _ command: CommandLine, _ input: inout ByteBuffer, _ output: inout ByteBuffer
    ) throws(SyntaxError) -> Step<SMTPWork>? {
        // RFC 2920 §3.1: DATA ends a group; what is sent behind it, before our 354, is text that somebody wants taken for commands.
        if command.verb == .data, input.readableBytes > 0 {
            settings.metrics.security.note(.headerInjection)
            say(.earlyText, &output)
            phase = .closing
            return nil
        }
        if let objection = objection(to: command) {
            if command.verb == .bdat {
                try refuseChunk(BdatCommand(command.argument), objection, &output)
            } else {
                say(objection, &output)
            }
            return nil
        }
        if isTurnedAway, command.verb != .quit {
            say(.badSequence, &output)
            return nil
        }
        if isIdle(command.verb) {
            say(.tooManyErrors, &output)
            return nil
        }
        switch command.verb {
        case .ehlo, .helo: return try hello(ClientName(command.argument), isExtended: command.verb == .ehlo, &output)
        case .mail: return try mail(MailCommand(command.argument), &output)
        case .rcpt: return try rcpt(RcptCommand(command.argument), &output)
        case .data: data(&output)
        case .bdat: try bdat(BdatCommand(command.argument), &output)
        case .auth: return try auth(AuthCommand(command.argument), &output)
        case .startTLS:
            say(.readyForTLS, &output)
            // RFC 3207 §4: nothing sent before the handshake counts.
            input.clear()
            return .startTLS
        case .rset:
            reset()
            say(.ok, &output)
        case .noop: say(.ok, &output)
        case .vrfy: say(.cannotVerify, &output)
        case .expn: say(.noLists, &output)
        case .help: help(&output)
        case .quit:
            say(.goodbye, &output)
            phase = .closing
        }
        return nil
    }

    private func objection(to command: CommandLine) -> Reply? {
        VerbRule.of(command.verb)?.objection(
            standing, terms, isAuthenticated: login != nil, hasArgument: !command.argument.isAtEnd)
    }

    /// Counts the commands that bring no mail nearer. Beyond `idleLimit` each counts as an error; true when it is one too many.
    private mutating func isIdle(_ verb: Verb) -> Bool {
        switch verb {
        case .noop, .rset, .vrfy, .help, .ehlo, .helo: idleCommands += 1
        case .mail, .rcpt, .data, .bdat, .quit, .expn, .startTLS, .auth: return false
        }
        guard idleCommands > settings.idleLimit else { return false }
        errors += 1
        return errors >= settings.errorLimit
    }

    /// Forgets the transaction.
    mutating func reset() {
        phase = client == nil ? .connected : .ready
    }

    // RFC 5321 §4.1.1.1: EHLO and HELO clear all state, like RSET.
    private mutating func hello(_ name: ClientName, isExtended: Bool, _ output: inout ByteBuffer) -> Step<SMTPWork>? {
        guard settings.checks.contains(.hello) else {
            welcome(name, isExtended: isExtended, &output)
            return nil
        }
        phase = .waiting(.hello(name, isExtended: isExtended))
        return .work(.judgeHello(Presence(name: name, user: login?.principal)))
    }

    mutating func welcome(_ name: ClientName, isExtended: Bool, _ output: inout ByteBuffer) {
        client = name
        self.isExtended = isExtended
        reset()
        if terms.queue != nil { terms.now = settings.clock() }
        let host = settings.hostName.value
        Reply.write(250, nil, lines: isExtended ? [host] + terms.offers : [host], to: &output)
    }

    private func help(_ output: inout ByteBuffer) {
        let verbs = VerbRule.table.filter { rule in rule.belongsTo.map(terms.offers) ?? true }
        Reply.write(214, "2.0.0", lines: ["Commands:", verbs.map { "\($0.verb.word)" }.joined(separator: " ")], to: &output)
    }
}
