import MailModel
import SenderTrust

/// What the judges found of one message that another server brought.
struct SenderEvidence: Sendable {
    /// Of MAIL FROM; with the null reverse-path, of HELO in its place.
    var spf: SPFVerdict
    /// Of HELO, where that is not what `spf` is of.
    var hello: SPFVerdict?
    var dkim: [DKIMVerdict] = []
    var arc = ARCVerdict(.none)
    /// Whose message it is, and what their policies say.
    var authors: AuthorJudgement
    /// It says that it comes by way of a list (`HeaderSurvey.namesList`), which anybody can say.
    var isListed = false
    /// Of the client's address.
    var reverseName: ReverseNameVerdict?
    /// Of the first author.
    var mark: BIMIVerdict?
    /// Authors of whom somebody who is believed says that they passed before the message was changed.
    var explained: [Domain: TrustedExplanation] = [:]
    /// Of authors of whom nothing is proved, where the message is to be sent on.
    var organizations: [Domain: Domain] = [:]
}

extension SenderEvidence {
    /// Domains in From of which it is proved that they wrote it, or let it be written: by DMARC; or, where they have no policy, by SPF or a signature of exactly that
    /// domain.
    var provenAuthors: Set<Domain> {
        Set(authors.verdicts.filter { $0.result == .pass || provenSender == $0.author || isSigned(by: $0.author) }.map(\.author))
    }

    /// The domain of MAIL FROM lets the client send for it.
    var provenSender: Domain? { spf.identity == .mailFrom && spf.result == .pass ? spf.domain : nil }

    private func isSigned(by author: Domain) -> Bool {
        dkim.contains { $0.result == .pass && $0.domain == author && !$0.isPartial && !$0.isTesting }
    }

    /// Something says that it came by way of others, who may have changed it on its way: a list, a chain that holds, or a signature that no longer fits of a
    /// domain of the author's organization. None of it is proof.
    func isIndirect(_ verdict: DMARCVerdict) -> Bool {
        isListed || (arc.result == .pass && !arc.isWeak)
            || dkim.contains { signature in
                guard signature.result == .fail, let domain = signature.domain?.asciiForm else { return false }
                let organization = verdict.organizationalDomain
                return domain == verdict.author || domain == organization || domain.value.hasSuffix(".\(organization.value)")
            }
    }
}
