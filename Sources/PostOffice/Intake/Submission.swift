package import MailModel
import MessageFormat
import NIOCore

extension Intake {
    /// A message that one of our users hands in (RFC 6409).
    package struct Submission: Sendable {
        /// In whose name a missing Message-ID is made.
        package let host: Domain
        /// What a missing From says; nil: none is added.
        package let author: Address?
        /// In how far mail from an address is the user's to send; nil: it is a program of this machine, which writes in anybody's name.
        package let right: (@Sendable (Address) async throws -> SendRight)?

        package init(host: Domain, author: Address?, right: (@Sendable (Address) async throws -> SendRight)?) {
            self.host = host
            self.author = author
            self.right = right
        }
    }
}

// from     = "From:" mailbox-list;   sender = "Sender:" mailbox              (RFC 5322 §3.6.2; From may hold groups, RFC 6854 §2.1)
extension Intake.Submission {
    /// Why the header is not one that the user may send; nil: it is. Throws what the directory throws.
    ///
    /// Every address of From, and Sender's, must be the user's, or of somebody who has named the user a delegate; where that is "on behalf", there is a Sender, who is
    /// the user or one who may be sent as. They are read by the parser that ENVELOPE shows them by. What it would have to guess is
    /// refused, for another reader may guess otherwise: a field that comes twice, several addresses in one mailbox, none at all.
    func refusal(of survey: HeaderSurvey) async throws -> Refusal? {
        guard let authors = mailboxes(of: survey.from), let senders = mailboxes(of: survey.sender), senders.count <= 1,
            authors.count <= 1 || senders.count == 1
        else { return .unclearAuthor }
        // What takes a Sender that is one's own is checked by the Sender.
        let least: SendRight = senders.isEmpty ? .asOwner : .onBehalf
        guard try await areTheUsers(senders, .asOwner), try await areTheUsers(authors, least) else { return .notAuthor }
        return nil
    }

    private func areTheUsers(_ mailboxes: [EnvelopeAddress], _ least: SendRight) async throws -> Bool {
        var asked = Set<String>()
        for mailbox in mailboxes {
            guard let text = mailbox.addrSpec, asked.insert(text).inserted else { continue }
            guard let local = mailbox.mailbox, let host = mailbox.host, let domain = Domain(host), let address = Address(localPart: local, domain: domain),
                try await right?(address) ?? .own >= least
            else { return false }
        }
        return true
    }

    /// Nil: it is not clear whose the field's addresses are.
    private func mailboxes(of field: HeaderSurvey.Author) -> [EnvelopeAddress]? {
        guard field.count > 0 else { return [] }
        guard field.count == 1, !field.isCut, let addresses = AddressList.parseClear(field.value) else { return nil }
        let mailboxes = addresses.filter { !$0.isGroupStart && !$0.isGroupEnd }
        return mailboxes.isEmpty ? nil : mailboxes
    }
}
