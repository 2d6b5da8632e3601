import Conversation
import MailModel
import NIOCore
import PostOffice

// What the client's bytes turned out to be.
extension IMAPSession {
    /// Nil: go on reading.
    mutating func take(_ event: CommandEvent, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        switch event {
        case .command(let line):
            return take(line, &output)
        case .literalRequest(let tag, let verb, _):
            if let objection = objection(to: verb) {
                reader.refuseLiteral()
                say(tag, objection, &output)
            } else {
                output.writeContinuation("Ready for the literal")
            }
        case .appendBegin(let tag, let target, let message):
            if mustTellFirst(before: target.verb, &output) {
                held = event
                return .again
            }
            do { return try beginAppend(tag, target, message, &output) } catch {
                held = event
                return readRows(error.blocks)
            }
        case .appendBytes(let bytes):
            return receive(bytes)
        case .appendText(_, let text):
            return beginText(text, &output)
        case .appendURL(_, let url):
            return include(url)
        case .appendNext(_, let message):
            return nextMessage(message, &output)
        case .appendEnd:
            return endAppend()
        case .syntaxError(let tag, let error):
            settings.metrics.security.note(.invalidInput)
            endReceiving()
            if let tag {
                say(tag, .bad(error), &output)
            } else {
                output.writeUntagged(.bad(error))
                noteError(&output)
            }
        case .tooBig(let tag, let verb, let octets, let synchronising):
            refuse(tag, verb, octets: octets, isOnItsWay: !synchronising, &output)
        case .line(let line):
            return take(line: line, &output)
        case .lineTooLong:
            return take(line: nil, &output)
        }
        return nil
    }

    func objection(to verb: Verb) -> StatusResponse? {
        if let objection = Legality.objection(to: verb, in: commandState) { return objection }
        if dialect.isUIDOnly, verb.row.messages.numbering == .sequence { return .uidRequired }
        return verb.row.objection?(circumstances)
    }

    private mutating func take(_ line: CommandLine, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        if let objection = objection(to: line.verb) {
            say(line.tag, objection, &output)
            return nil
        }
        do {
            let command = try line.parse()
            if mustTellFirst(before: line.verb, &output) {
                held = .command(line)
                return .again
            }
            return perform(command, line.tag, &output)
        } catch {
            settings.metrics.security.note(.invalidInput)
            say(line.tag, .bad(error), &output)
            return nil
        }
    }

    private mutating func perform(_ command: Command, _ tag: Tag, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        switch command.verb.row.action {
        case .session(let act):
            return act(&self, command, tag, &output)
        case .execution:
            guard let objection = objection(to: command.arguments, tag) else { return begin(command, tag) }
            say(tag, objection, &output)
            return nil
        case .stream:
            return nil
        }
    }

    private func objection(to arguments: any CommandArguments, _ tag: Tag) -> StatusResponse? {
        guard let search = arguments.searched else { return nil }
        // RFC 9755 §3: all text is UTF-8 already.
        if dialect.acceptsUTF8, arguments.needlessCharset != nil { return .bad("There is no charset but UTF-8 any more") }
        // RFC 5267 §4.3.
        return search.isUpdated && selection?.contexts.has(tag) ?? false ? .bad("Tag reuse") : nil
    }

    private mutating func begin(_ command: Command, _ tag: Tag) -> Step<IMAPWork>? {
        guard let login else { return nil }
        let job = Job(tag: tag, command: command, principal: login.principal, dialect: dialect, view: view)
        noteOwnNames(command)
        pending.append(.command(tag, command.verb))
        return .work(.command(job))
    }

    /// Tells what is new in the selected mailbox, then the answer.
    mutating func finish(_ tag: Tag, _ verb: Verb, _ answer: StatusResponse, _ output: inout ByteBuffer) {
        tellNews(after: verb, answer.code, expunges: verb.row.messages.tellsExpunges, &output)
        conclude(tag, answer, &output)
    }

    /// `own`: what an answer says of messages that the client put there itself. `flags`: whether changes of flags are told.
    mutating func tellNews(expunges: Bool, flags: Bool = true, own: ResponseCode? = nil, _ output: inout ByteBuffer) {
        tellNews(flags, own, &output) { try $0.catchUp(expunges: expunges, modSeqs: $1.hasModSeqs, claimsRecent: !$1.isRev2) }
    }

    /// Of the news only what has come.
    mutating func tellArrivals(_ output: inout ByteBuffer) {
        tellNews(false, nil, &output) { try $0.takeArrivals(claimsRecent: !$1.isRev2) }
    }

    /// All of it or nothing: what `bring` cannot tell ends the session.
    private mutating func tellNews(
        _ flags: Bool, _ own: ResponseCode?, _ output: inout ByteBuffer, _ bring: (inout MailboxView, Dialect) throws -> MailboxView.News
    ) {
        let (dialect, notifications) = (dialect, notifications)
        var answers = ByteBuffer()
        do {
            try withSelection { selection in
                try selection.tellNews(flags, own, dialect, notifications, &answers) { try bring(&$0, dialect) }
            }
            output.writeImmutableBuffer(answers)
        } catch {
            endBlind(error, &output)
        }
    }

    /// What is new cannot be told, and what the client holds for its mailbox is not: a new connection gets it right or a NO.
    private mutating func endBlind(_ error: any Error, _ output: inout ByteBuffer) {
        let isDeleted = view?.current.isDeleted ?? false
        if !isDeleted {
            settings.log.error("What is new in a mailbox cannot be told: \(error)", metadata: ["id": "\(connection)-\(settings.clock().rawValue)"])
        }
        output.writeBye(isDeleted ? "The mailbox was deleted" : "The mailbox cannot be read")
        state = .logout
    }

    /// A literal over its limit.
    private mutating func refuse(_ tag: Tag, _ verb: Verb, octets: Int, isOnItsWay: Bool, _ output: inout ByteBuffer) {
        endReceiving()
        let objection = objection(to: verb)
        let limit = verb.addsMessage && objection == nil ? settings.messageLimit : reader.limits.command
        let code: ResponseCode = verb.addsMessage ? .tooBig : .limit
        say(tag, objection ?? .no("A literal is over \(limit) octets", code), &output)
        // RFC 7888 §4: swallow it or hang up.
        guard isOnItsWay, octets > (login == nil ? 256 << 10 : settings.messageLimit &* 2) else { return }
        output.writeBye("The literal is too big")
        state = .logout
    }
}
