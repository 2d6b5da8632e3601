import Conversation
import MailModel
import NIOCore
import PostOffice
import Storage

// APPEND with its many forms (RFC 9051 §6.3.12, RFC 3502, RFC 4469) and REPLACE (RFC 8508): the messages come in.
extension IMAPSession {
    mutating func beginAppend(
        _ tag: Tag, _ target: AppendTarget, _ message: AppendMessage, _ output: inout ByteBuffer
    ) throws(RowsNotAtHand) -> Step<IMAPWork>? {
        let superseded = target.replaced == nil ? .success(nil) : try superseded(target)
        do throws(Ending) {
            if let objection = objection(to: target.verb) { throw Ending(objection) }
            guard let name = target.mailbox.name else { throw Ending(.impossibleName) }
            try check(message)
            let receiving = Receiving(tag, target.verb, name, try superseded.get(), message)
            return message.synchronising ? offer(receiving, &output) : receive(receiving)
        } catch {
            refuseAppend(tag, target.verb, error.answer, &output)
            return nil
        }
    }

    private mutating func refuseAppend(_ tag: Tag, _ verb: Verb, _ answer: StatusResponse, _ output: inout ByteBuffer) {
        reader.refuseLiteral()
        finish(tag, verb, answer, &output)
    }

    /// REPLACE names a message whose row is not at hand: it is begun again when it is (`held`).
    mutating func readRows(_ blocks: [MailboxSnapshot.Block]) -> Step<IMAPWork>? {
        guard let view else { return nil }
        pending.append(.rows)
        return .work(.read(blocks, view.mailbox))
    }

    mutating func absorbRows(_ refusal: StatusResponse?, _ output: inout ByteBuffer) {
        guard let refusal, case .appendBegin(let tag, let target, _) = held else { return }
        held = nil
        refuseAppend(tag, target.verb, refusal, &output)
    }

    private func check(_ message: AppendMessage) throws(Ending) {
        guard message.isUTF8, dialect.textMode != .utf8 else { return }
        throw Ending(.bad("Enable UTF8=ACCEPT first"))
    }

    /// RFC 8508 §3.
    private func superseded(_ target: AppendTarget) throws(RowsNotAtHand) -> Result<Placing.Replaced?, Ending> {
        guard let set = target.replaced, let view else { return .success(nil) }
        guard !view.isReadOnly else { return .failure(Ending(.readOnly)) }
        do {
            let places = try view.places(of: set, target.verb.row.messages.numbering ?? .sequence)
            guard places.reduce(0, { $0 + $1.count }) == 1 else { return .failure(Ending(.no("There is no such message", .nonExistent))) }
            let uids = try view.uids(at: places)
            guard try !view.lacksSome(of: uids) else { return .failure(Ending(.expungeIssued)) }
            return .success(Placing.Replaced(uids: uids, mailbox: view.mailbox))
        } catch let lacking as RowsNotAtHand {
            throw lacking
        } catch {
            return .failure(Ending(.bad("There is no message of that number")))
        }
    }

    private mutating func receive(_ receiving: Receiving) -> Step<IMAPWork>? {
        activity = .receiving(receiving)
        return nil
    }

    /// The client waits for leave to send, which it gets once it is known that its message can go there.
    private mutating func offer(_ receiving: Receiving, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        guard !receiving.isTargetKnown, let login else {
            output.writeContinuation("Ready for the message")
            return receive(receiving)
        }
        activity = .commands
        pending.append(.target(receiving))
        return .work(.checkTarget(receiving.mailbox, login.principal))
    }

    mutating func absorbTarget(_ refusal: StatusResponse?, _ receiving: Receiving, _ output: inout ByteBuffer) {
        if let refusal {
            reader.refuseLiteral()
            finish(receiving.tag, receiving.verb, refusal, &output)
        } else {
            var receiving = receiving
            receiving.isTargetKnown = true
            activity = .receiving(receiving)
            output.writeContinuation("Ready for the message")
        }
    }

    /// Gives the command up: what is on its way is passed over.
    private mutating func giveUp(_ receiving: Receiving, _ answer: StatusResponse, _ output: inout ByteBuffer) {
        reader.refuseLiteral()
        activity = .commands
        finish(receiving.tag, receiving.verb, answer, &output)
    }

    mutating func receive(_ bytes: ByteBuffer) -> Step<IMAPWork>? {
        guard case .receiving(var receiving) = activity else { return nil }
        activity = .commands
        receiving.gathered.writeImmutableBuffer(bytes)
        guard receiving.gathered.readableBytes >= Receiving.piece else { return receive(receiving) }
        let incoming = receiving.currentIncoming()
        let piece = receiving.takeGathered()
        activity = .receiving(receiving)
        pending.append(.chunk)
        return .work(.receive(incoming, piece))
    }

    /// Text of a message that is put together of parts (RFC 4469 §3).
    mutating func beginText(_ text: AppendText, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        guard case .receiving(var receiving) = activity else { return nil }
        guard text.octets <= settings.messageLimit - receiving.octets else {
            giveUp(receiving, .messageTooBig(settings.messageLimit), &output)
            return nil
        }
        receiving.octets += text.octets
        return text.synchronising ? offer(receiving, &output) : receive(receiving)
    }

    /// A part that a URL names.
    mutating func include(_ url: String) -> Step<IMAPWork>? {
        guard case .receiving(var receiving) = activity, let login else { return nil }
        activity = .commands
        let incoming = receiving.currentIncoming()
        let inclusion = Inclusion(
            incoming: incoming, before: receiving.takeGathered(), url: url, selected: view?.mailbox,
            room: settings.messageLimit - receiving.octets, principal: login.principal)
        activity = .receiving(receiving)
        pending.append(.inclusion)
        return .work(.include(inclusion))
    }

    mutating func absorb(_ outcome: Inclusion.Outcome, _ output: inout ByteBuffer) {
        guard case .receiving(var receiving) = activity else { return }
        switch outcome {
        case .included(let octets):
            activity = .commands
            receiving.octets += octets
            activity = .receiving(receiving)
        case .refused(let answer):
            giveUp(receiving, answer, &output)
        }
    }

    /// Another message of the same command (RFC 3502): the one before it is whole.
    mutating func nextMessage(_ message: AppendMessage, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        guard case .receiving(var receiving) = activity else { return nil }
        receiving.weigh()
        do throws(Ending) {
            try check(message)
            if receiving.isFull { throw Ending(.no("Too many messages for one command", .limit)) }
        } catch {
            giveUp(receiving, error.answer, &output)
            return nil
        }
        activity = .commands
        let whole = receiving.file()
        let rest = receiving.takeGathered()
        receiving.begin(message)
        activity = .receiving(receiving)
        if message.synchronising { output.writeContinuation("Ready for the message") }
        pending.append(.chunk)
        return .work(.finish(whole, rest))
    }

    mutating func endAppend() -> Step<IMAPWork>? {
        guard case .receiving(var receiving) = activity, let login else { return nil }
        activity = .commands
        let turn = Turn(after: lastTurn)
        lastTurn = turn
        _ = receiving.file()
        pending.append(.placing(receiving.tag, receiving.verb, octets: receiving.gathered.readableBytes))
        return .work(
            .place(
                Placing(
                    verb: receiving.verb, filings: receiving.filings, rest: receiving.gathered,
                    mailbox: receiving.mailbox,
                    superseded: receiving.superseded, isBinary: receiving.isBinary, hasModSeqs: dialect.hasModSeqs,
                    turn: turn,
                    principal: login.principal)))
    }

    /// What came of a message is void.
    mutating func endReceiving() {
        if case .receiving = activity { activity = .commands }
    }
}
