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
        /// Whether mail from an address is the user's to send; nil: it is a program of this machine, which writes in anybody's name.
        package let owns: (@Sendable (Address) async throws -> Bool)?

        package init(host: Domain, author: Address?, owns: (@Sendable (Address) async throws -> Bool)?) {
            self.host = host
            self.author = author
            self.owns = owns
        }
    }
}

// from     = "From:" mailbox-list;   sender = "Sender:" mailbox              (RFC 5322 §3.6.2; From may hold groups, RFC 6854 §2.1)
extension Intake.Submission {
    /// Why the header is not one that the user may send; nil: it is. Throws what the directory throws.
    ///
    /// Every address of From, and Sender's, must be the user's. They are read by the parser that ENVELOPE shows them by. What it would have to guess is
    /// refused, for another reader may guess otherwise: a field that comes twice, several addresses in one mailbox, none at all.
    func refusal(of survey: HeaderSurvey) async throws -> Refusal? {
        guard let authors = mailboxes(of: survey.from), let senders = mailboxes(of: survey.sender), senders.count <= 1,
            authors.count <= 1 || senders.count == 1
        else { return .unclearAuthor }
        var asked = Set<String>()
        for author in authors + senders {
            guard let text = author.addrSpec, asked.insert(text).inserted else { continue }
            guard let local = author.mailbox, let host = author.host, let domain = Domain(host), let address = Address(localPart: local, domain: domain),
                try await owns?(address) ?? true
            else { return .notAuthor }
        }
        return nil
    }

    /// Nil: it is not clear whose the field's addresses are.
    private func mailboxes(of field: HeaderSurvey.Author) -> [EnvelopeAddress]? {
        guard field.count > 0 else { return [] }
        guard field.count == 1, !field.isCut, let addresses = AddressList.parseClear(field.value) else { return nil }
        let mailboxes = addresses.filter { !$0.isGroupStart && !$0.isGroupEnd }
        return mailboxes.isEmpty ? nil : mailboxes
    }
}
