import Conversation
import MailModel
import NIOCore
import PostOffice

/// An APPEND whose message is on its way.
struct Receiving: Sendable {
    let tag: Tag
    let mailbox: MailboxName
    let message: AppendMessage
    let deposit: Deposit?
    /// Bytes that are not handed on yet.
    var gathered = ByteBuffer()

    /// Octets that are handed on at a time; a smaller message goes in one piece of work with its placing.
    static let piece = 128 << 10
}

extension IMAPSession {
    mutating func beginAppend(
        _ tag: Tag, _ mailbox: MailboxArgument, _ message: AppendMessage, _ output: inout ByteBuffer
    ) -> Step<IMAPWork>? {
        let objection = objection(to: .append)
        guard objection == nil, let name = mailbox.name, let login else {
            reader.refuseLiteral()
            finish(tag, .append, objection ?? .impossibleName, &output)
            return nil
        }
        let receiving = Receiving(tag: tag, mailbox: name, message: message, deposit: nil)
        guard message.synchronising else {
            activity = .receiving(receiving)
            return nil
        }
        pending.append(.target(receiving))
        return .work(.checkTarget(name, login.principal))
    }

    mutating func absorbTarget(_ refusal: Answer?, _ receiving: Receiving, _ output: inout ByteBuffer) {
        if let refusal {
            reader.refuseLiteral()
            finish(receiving.tag, .append, refusal, &output)
        } else {
            activity = .receiving(receiving)
            output.writeContinuation("Ready for the message")
        }
    }

    mutating func receive(_ bytes: ByteBuffer) -> Step<IMAPWork>? {
        guard case .receiving(var receiving) = activity else { return nil }
        activity = .commands
        receiving.gathered.writeImmutableBuffer(bytes)
        guard receiving.gathered.readableBytes >= Receiving.piece else {
            activity = .receiving(receiving)
            return nil
        }
        let deposit = receiving.deposit ?? Deposit(expected: receiving.message.octets)
        let piece = receiving.gathered
        activity = .receiving(
            Receiving(tag: receiving.tag, mailbox: receiving.mailbox, message: receiving.message, deposit: deposit))
        pending.append(.chunk)
        return .work(.receive(deposit, piece))
    }

    mutating func endAppend(_ tag: Tag, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        guard case .receiving(let receiving) = activity, let login else { return nil }
        activity = .commands
        let turn = Turn(after: lastTurn)
        lastTurn = turn
        pending.append(.placing(tag, octets: receiving.gathered.readableBytes))
        return .work(
            .place(
                Placing(
                    deposit: receiving.deposit ?? Deposit(expected: receiving.message.octets), rest: receiving.gathered,
                    mailbox: receiving.mailbox, flags: receiving.message.flags, date: receiving.message.date,
                    isBinary: receiving.message.isBinary, turn: turn, principal: login.principal)))
    }

    /// What came of a message is void.
    mutating func endReceiving() {
        if case .receiving = activity { activity = .commands }
    }
}
