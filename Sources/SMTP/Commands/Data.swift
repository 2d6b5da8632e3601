import Conversation
import Logging
import MailModel
import NIOCore
import PostOffice

// DATA, and BDAT, which brings the same text by another way.
extension SMTPWorker {
    func deliver(_ submittal: Submittal, _ text: ByteBuffer, _ link: any Link) async -> SMTPOutcome {
        do throws(Refusal) {
            return accepted(try await intake.deliver(envelope(submittal, link.facts), text), submittal, link)
        } catch {
            return .refused(error)
        }
    }

    func open(_ submittal: Submittal, _ text: ByteBuffer, _ expected: Int?, _ link: any Link) async -> SMTPOutcome {
        do throws(Refusal) {
            let mail = intake.open(envelope(submittal, link.facts), expected: expected)
            try await intake.write(text, into: mail)
            return .opened(mail)
        } catch {
            return .refused(error)
        }
    }

    func append(_ mail: Intake.Mail, _ text: ByteBuffer) async -> SMTPOutcome {
        do throws(Refusal) {
            try await intake.write(text, into: mail)
            return .appended
        } catch {
            return .refused(error)
        }
    }

    func finish(_ mail: Intake.Mail, _ text: ByteBuffer, _ submittal: Submittal, _ link: any Link) async -> SMTPOutcome {
        do throws(Refusal) {
            try await intake.write(text, into: mail)
            return accepted(try await intake.finish(mail), submittal, link)
        } catch {
            return .refused(error)
        }
    }

    /// It is durable. One line tells of it, never of what it says.
    private func accepted(_ receipt: Intake.Receipt, _ submittal: Submittal, _ link: any Link) -> SMTPOutcome {
        log.info(
            "Message accepted",
            metadata: [
                "id": "\(receipt.id)", "size": "\(receipt.size)", "recipients": "\(submittal.transaction.recipients.count)",
                "connection": "\(link.facts.id)", "peer": "\(link.facts.peerAddress)",
            ])
        return .delivered(receipt.id)
    }

    private func envelope(_ submittal: Submittal, _ facts: ConnectionFacts) -> Intake.Envelope {
        let (id, transaction) = (makeID(), submittal.transaction)
        var received = ReceivedField(
            clientName: submittal.client, peerAddress: facts.peerAddress, host: settings.hostName,
            transmission: TransmissionType(
                isExtended: submittal.isExtended, isUTF8: transaction.isSMTPUTF8, isSecured: facts.tls != nil,
                isAuthenticated: submittal.isAuthenticated),
            tlsVersion: facts.tls?.version, id: id, recipient: onlyRecipient(of: transaction),
            priority: transaction.priority, date: clock())
        received.localUser = facts.localUser
        var trace = ByteBuffer()
        received.write(to: &trace)
        var envelope = Intake.Envelope(
            id: id, reversePath: transaction.reversePath, recipients: transaction.recipients, isSMTPUTF8: transaction.isSMTPUTF8,
            trace: trace, submission: settings.role.isSubmission ? submission(submittal) : nil)
        envelope.annotations = submittal.annotations
        envelope.host = settings.hostName
        envelope.client = client(Presence(name: submittal.client, user: submittal.user), facts)
        envelope.isBinary = transaction.isBinary
        envelope.sender = submittal.user?.account
        envelope.deliverBy = transaction.deliverBy
        envelope.priority = transaction.priority ?? 0
        hold(&envelope, transaction, submittal)
        envelope.envelopeID = transaction.envelopeID
        switch transaction.returned {
        case .full: envelope.returned = .returnsFull
        case .header: envelope.returned = .returnsHeader
        case nil: break
        }
        if transaction.requiresTLS { envelope.returned.insert(.requiresTLS) }
        return envelope
    }

    /// What a user sends later than now, or may yet take back, waits in the queue, for our own accounts too.
    private func hold(_ envelope: inout Intake.Envelope, _ transaction: MailTransaction, _ submittal: Submittal) {
        envelope.notBefore = transaction.notBefore
        if let seconds = settings.queue?.hold, seconds > 0, submittal.user != nil {
            envelope.notBefore = max(envelope.notBefore ?? clock(), clock().after(seconds: seconds))
        }
        guard envelope.notBefore != nil else { return }
        var seen = Set<AccountID>()
        envelope.recipients = envelope.recipients.map { recipient in
            let accounts = recipient.destinations.compactMap { if case .mailbox(_, let account) = $0 { account } else { nil } }
            guard !accounts.isEmpty else { return recipient }
            // Two names of one account get one copy, as they do at once.
            let isNew = accounts.reduce(false) { seen.insert($1).inserted || $0 } || recipient.destinations.count > accounts.count
            return Intake.Recipient(
                address: recipient.address, destinations: isNew ? [.queue(queued(recipient.address))] : [], notify: recipient.notify,
                original: recipient.original)
        }
    }

    /// The address of an account, by which the queue knows that it is ours; a literal means it by the way it came.
    private func queued(_ path: ForwardPath) -> ForwardPath {
        guard case .mailbox(let address) = path, address.domain.isLiteral else { return path }
        if address.localPart.lowercased() == "postmaster" { return .postmaster }
        return directory.addressHere(address.localPart).map { .mailbox($0) } ?? path
    }

    /// What must be the user's, and what is added in their name (RFC 6409 §6.1, §8). A program of this machine, which the administrator put there, writes in
    /// anybody's.
    private func submission(_ submittal: Submittal) -> Intake.Submission {
        let own = submittal.user.flatMap { Address(localPart: $0.name.user.spelling, domain: $0.name.domain) }
        let author = submittal.transaction.reversePath.address ?? own
        if submittal.user == nil, settings.role == .local { return Intake.Submission(host: settings.hostName, author: author, right: nil) }
        return Intake.Submission(host: settings.hostName, author: author) { [directory] address in
            guard let user = submittal.user else { return .none }
            return try await directory.sendRight(user, address)
        }
    }

    private func onlyRecipient(of transaction: MailTransaction) -> Address? {
        guard transaction.recipients.count == 1, case .mailbox(let address) = transaction.recipients[0].address else { return nil }
        return address
    }
}
