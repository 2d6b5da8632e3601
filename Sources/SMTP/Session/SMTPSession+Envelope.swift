import Conversation
import MailModel
package import NIOCore
import PostOffice

// MAIL and RCPT.
extension SMTPSession {
    mutating func mail(_ command: MailCommand, _ output: inout ByteBuffer) throws(SyntaxError) -> Step<SMTPWork>? {
        mails += 1
        guard mails <= settings.mailLimit else {
            say(.tooManyMessages, &output)
            return nil
        }
        for parameter in command.parameters where !isServed(parameter.belongsTo) { throw .unknownParameter }
        var transaction = MailTransaction(command)
        guard transaction.isSMTPUTF8 || command.reversePath.address?.isASCII ?? true else { throw .nonASCIIAddress }
        if let size = transaction.declaredSize, size > settings.messageLimit {
            say(.tooLarge, &output)
            return nil
        }
        if let offer = terms.queue, let reply = transaction.schedule(command, offer, settings.clock()) {
            say(reply, &output)
            return nil
        }
        if settings.checks.contains(.mail) {
            phase = .waiting(.sender(transaction))
            return .work(.judgeSender(transaction.reversePath, presence))
        }
        if let login {
            phase = .waiting(.sender(transaction))
            return .work(.authorize(login.principal, transaction.reversePath.address))
        }
        phase = .envelope(transaction)
        say(.senderOK, &output)
        return nil
    }

    mutating func rcpt(_ command: RcptCommand, _ output: inout ByteBuffer) throws(SyntaxError) -> Step<SMTPWork>? {
        guard case .envelope(let transaction) = phase else { return nil }
        for parameter in command.parameters {
            guard isServed(parameter.belongsTo) else { throw .unknownParameter }
            // RFC 6533 §3: that form only with SMTPUTF8.
            if case .original(_, isUTF8: true) = parameter, !transaction.isSMTPUTF8 { throw .nonASCIIAddress }
        }
        if case .mailbox(let address) = command.forwardPath, !address.isASCII, !transaction.isSMTPUTF8 { throw .nonASCIIAddress }
        guard transaction.recipients.count < settings.recipientLimit else {
            say(.tooManyRecipients, &output)
            return nil
        }
        phase = .waiting(.recipient(transaction, command.parameters))
        guard settings.checks.contains(.recipient) else { return .work(.resolve(command.forwardPath, from: transaction.reversePath, presence)) }
        return .work(.judgeRecipient(command.forwardPath, transaction.reversePath, presence))
    }

    private func isServed(_ name: SMTPExtension) -> Bool { isExtended && terms.offers(name) }

    private var presence: Presence { Presence(name: client, user: login?.principal) }
}

// Outcomes.
extension SMTPSession {
    package mutating func absorb(_ outcome: SMTPOutcome, _ output: inout ByteBuffer) {
        guard case .waiting(let waiting) = phase else { return }
        // Only `waiting` holds the payload now, so that changing it copies nothing.
        phase = .closing
        switch (waiting, outcome) {
        case (.login, let outcome): absorbLogin(outcome, &output)
        case (.connection, .passed(let fields)):
            annotations.connection = fields
            phase = .connected
            greet(&output)
        case (.connection, .refused(let refusal)):
            phase = .connected
            isTurnedAway = true
            // RFC 5321 §3.1: 554 and nothing else is a greeting that refuses; 421 closes.
            let reply = Reply(refusal, terms.role)
            say(reply.code < 500 ? Reply(421, reply.status, reply.text) : Reply(554, reply.status, reply.text), &output)
        case (.hello(let name, let isExtended), .passed(let fields)):
            annotations.hello = fields
            welcome(name, isExtended: isExtended, &output)
        case (.hello, .refused(let refusal)):
            reset()
            say(Reply(refusal, terms.role), &output)
        case (.sender(var transaction), .passed(let fields)):
            transaction.annotations += fields
            phase = .envelope(transaction)
            say(.senderOK, &output)
        case (.sender(let transaction), .authorized):
            phase = .envelope(transaction)
            say(.senderOK, &output)
        case (.recipient(var transaction, let parameters), .resolved(let recipient, let fields)):
            transaction.add(recipient, parameters)
            transaction.annotations += fields
            phase = .envelope(transaction)
            say(.recipientOK, &output)
        case (.recipient(let transaction, _), .refused(let refusal)):
            phase = .envelope(transaction)
            say(Reply(refusal, terms.role), &output)
        case (.piece(var reception), .opened(let incoming)):
            reception.incoming = incoming
            phase = .text(reception)
        case (.piece(let reception), .appended): phase = .text(reception)
        case (.piece(var reception), .refused(let refusal)):
            reception.refuse(Reply(refusal, terms.role))
            phase = .text(reception)
        case (.delivery, .delivered(let id)):
            phase = .ready
            errors = 0
            idleCommands = 0
            say(Reply(250, "2.0.0", "Accepted as \(id)"), &output)
        case (.sender, .refused(let refusal)), (.delivery, .refused(let refusal)):
            phase = .ready
            say(Reply(refusal, terms.role), &output)
        default: say(.stopping, &output)
        }
    }
}

extension Reply {
    /// The one place where a lawful no becomes a reply.
    init(_ refusal: Refusal, _ role: SMTPRole) {
        self =
            switch refusal {
            case .unknownUser: Reply(550, "5.1.1", "No such user here")
            case .notLocal: Reply(550, "5.7.1", "Relaying denied")
            case .notOwner: Reply(553, "5.7.1", "Sender address is not yours")
            case .notAuthor: Reply(550, "5.7.1", "From and Sender must be addresses of yours")
            case .borrowedName:
                Reply(550, "5.7.1", "Mail in the name of this server's users is sent on to other servers only when they hand it in themselves")
            case .unwanted: Reply(550, "5.7.1", "It looks like junk, which is not sent on to other servers from here")
            case .notReport: Reply(550, "5.7.1", "This address takes reports on failures alone")
            case .unclearAuthor: Reply(550, "5.7.1", "From and Sender must say clearly, and once, whose message it is")
            case .loop: Reply(554, "5.4.6", "Too many hops: the message is in a loop")
            case .returned: Reply(554, "5.4.6", "The message is in a loop: its recipient has had it here before")
            case .malformed: .malformedText
            // RFC 3463 §3.3 X.2.2; for now, so that the sender keeps the mail and tries again.
            case .overQuota: Reply(452, "4.2.2", "Mailbox full; try later")
            case .full: Reply(452, "4.3.1", "Insufficient storage; try later")
            case .unavailable: Reply(451, "4.3.0", "Local error in processing; try later")
            case .policy(let answer): Reply(answer.code, answer.status, answer.text)
            }
    }
}
