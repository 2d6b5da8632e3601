package import MailModel

/// What was judged of who sent a message that another server brought, as far as its way here depends on it.
package struct SenderJudgement: Hashable, Sendable {
    /// For every copy's head.
    package var fields: [HeadField]
    /// It goes to the junk mailbox of those who have it here, and to nobody by way of them.
    package var isJunk: Bool
    /// Domains in From, in ASCII, of which it is proved that they wrote it or let it be written.
    package var provenAuthors: Set<Domain>
    /// Of the others, where it is to be sent on: whose organization they are, as DMARC finds it.
    package var organizations: [Domain: Domain]
    /// The domain of MAIL FROM, where it lets the client send for it.
    package var provenSender: Domain?

    package init(fields: [HeadField], isJunk: Bool = false, provenAuthors: Set<Domain> = [], organizations: [Domain: Domain] = [:], provenSender: Domain? = nil)
    {
        self.fields = fields
        self.isJunk = isJunk
        self.provenAuthors = provenAuthors
        self.organizations = organizations
        self.provenSender = provenSender
    }
}
