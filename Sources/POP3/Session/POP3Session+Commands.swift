import Conversation
import MessageFormat
import NIOCore
import PostOffice

// Carrying out a command line.
extension POP3Session {
    /// Nil: go on.
    mutating func obey(_ line: LineReader.Line, _ input: inout ByteBuffer, _ output: inout ByteBuffer) -> Step<POP3Work>? {
        let exchange = exchange
        self.exchange = nil
        do throws(SyntaxError) {
            switch line {
            case .line(let text):
                if let exchange { return try answer(exchange, text, &output) }
                return try carryOut(CommandLine(text), &input, &output)
            case .malformed: throw .notALine
            case .tooLong: throw .tooLong
            case .endless:
                say(Reply(.tooLong), &output)
                close()
            }
        } catch {
            settings.metrics.security.note(.invalidInput)
            complain(Reply(error), &output)
        }
        return nil
    }

    private mutating func carryOut(
        _ command: CommandLine, _ input: inout ByteBuffer, _ output: inout ByteBuffer
    ) throws(SyntaxError) -> Step<POP3Work>? {
        if let objection = objection(to: command) {
            complain(objection, &output)
            return nil
        }
        switch command.verb {
        case .user: try user(command.argument, &output)
        case .pass: return try pass(command.argument, &output)
        case .auth: return try auth(AuthArguments(command.argument), &output)
        case .stls:
            say(.ok("Begin TLS"), &output)
            // RFC 2595 §4: nothing sent before the handshake counts.
            input.clear()
            return .startTLS
        case .capa: capa(&output)
        case .utf8: say(.ok("UTF-8 it is"), &output)
        case .lang: try lang(command, &output)
        case .quit: return quit(&output)
        case .apop: complain(.notServed, &output)
        case .stat, .list, .uidl, .retr, .top, .dele, .noop, .rset:
            guard case .transaction(let maildropSession) = state else { return nil }
            return try carryOut(command, maildropSession.maildrop, &output)
        }
        return nil
    }

    func objection(to command: CommandLine) -> Reply? {
        VerbRule.objection(to: command.verb, in: commandState, circumstances, hasArgument: command.hasArgument)
    }

    private mutating func carryOut(
        _ command: CommandLine, _ maildrop: Maildrop, _ output: inout ByteBuffer
    ) throws(SyntaxError) -> Step<POP3Work>? {
        switch command.verb {
        case .stat: say(.ok("\(maildrop.rows.count - marks.count) \(maildrop.octets - marks.octets)"), &output)
        case .list: return try list(.octets, command, maildrop, &output)
        case .uidl: return try list(.identifier, command, maildrop, &output)
        // Those that can be carried out are gathered before (`retrieval`).
        case .retr: _ = find(try MessageNumber(command.argument).value, maildrop, &output)
        case .top: _ = find(try TopArguments(command.argument).message, maildrop, &output)
        case .dele: dele(try MessageNumber(command.argument), maildrop, &output)
        case .rset:
            marks = Marks()
            say(.ok("No message is marked as deleted"), &output)
        default: say(.ok("Still here"), &output)
        }
        return nil
    }

    // MARK: In both states

    // RFC 2449 §5.
    private func capa(_ output: inout ByteBuffer) {
        Reply.ok("Capabilities follow").write(to: &output)
        for capability in Capability.list(circumstances) {
            output.writeString(capability.line)
            switch capability.name {
            case .sasl: output.writeString(" \(circumstances.logins.list)")
            case .implementation: output.writeString(" \(settings.serverName)-\(settings.version)")
            default: break
            }
            output.writeStaticString("\r\n")
        }
        output.writeLastLine()
    }

    // RFC 6856 §3: English is spoken, whatever kind of it is asked for (RFC 4647 §3.4), also as the default.
    private mutating func lang(_ command: CommandLine, _ output: inout ByteBuffer) throws(SyntaxError) {
        guard command.hasArgument else {
            say(.ok("Languages follow"), &output)
            output.writeStaticString("en English\r\ni-default Default language\r\n")
            output.writeLastLine()
            return
        }
        let range = try Arguments.text(command.argument).lowercased()
        switch range {
        case "i-default": say(.ok("i-default English is spoken"), &output)
        case "*", "en": say(.ok("en English is spoken"), &output)
        case let range where range.hasPrefix("en-"): say(.ok("en English is spoken"), &output)
        default: say(.err("That language is not spoken here"), &output)
        }
    }

    // RFC 1939 §4, §6: only QUIT in the TRANSACTION state removes what is marked.
    private mutating func quit(_ output: inout ByteBuffer) -> Step<POP3Work>? {
        if case .transaction(let maildropSession) = state {
            guard marks.count == 0 else {
                isWaiting = true
                return .work(.update(marks, maildropSession.maildrop))
            }
            maildropSession.end()
        }
        say(.goodbye, &output)
        close()
        return nil
    }
}
