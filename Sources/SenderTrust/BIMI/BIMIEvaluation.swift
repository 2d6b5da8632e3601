package import Conversation
import MailModel

/// Looks up what an author's domain shows of itself, for mail that DMARC vouches for.
package struct BIMIEvaluation: Sendable {
    private let resolver: any Resolver

    package init(resolver: any Resolver) { self.resolver = resolver }

    /// Of a message; nil: nobody is its author. With several authors, nobody's picture is shown.
    package func evaluate(_ judgement: AuthorJudgement) async -> BIMIVerdict? {
        guard let only = judgement.verdicts.first else { return nil }
        guard judgement.verdicts.count == 1 else { return BIMIVerdict(.none, reason: "the message has several authors") }
        return await evaluate(only)
    }

    /// Asks DNS where DMARC passes and both the author's domain and its organization enforce their policies: for the author's record, then for the
    /// organization's. The selector is `default`; one that a message names is not followed.
    package func evaluate(_ dmarc: DMARCVerdict) async -> BIMIVerdict {
        guard dmarc.result == .pass else { return BIMIVerdict(.skipped, reason: "DMARC does not pass") }
        guard let record = dmarc.record, dmarc.policy != .none, record.isEnforced else {
            return BIMIVerdict(.skipped, reason: "the DMARC policy is not enforced")
        }
        let organization: Domain
        do throws(PolicyWalk.Trouble) {
            var walk = PolicyWalk(resolver: resolver)
            let outcome = try await walk.walk(from: dmarc.author)
            organization = outcome.organizationalDomain
            if let own = outcome.record(at: organization), !own.isEnforced {
                return BIMIVerdict(.skipped, reason: "the DMARC policy of \(organization.value) is not enforced")
            }
        } catch {
            return BIMIVerdict(.temperror, reason: error.reason)
        }
        for domain in dmarc.author == organization ? [dmarc.author] : [dmarc.author, organization] {
            if let verdict = await lookUp(domain) { return verdict }
        }
        return BIMIVerdict(.none, reason: "no BIMI record")
    }

    /// Nil: there is no record.
    private func lookUp(_ domain: Domain) async -> BIMIVerdict? {
        guard let name = BIMIRecord.name(of: domain, selector: "default") else { return nil }
        let texts: [String]
        do {
            texts = try await resolver.texts(of: name).records.filter(BIMIRecord.isRecord)
        } catch {
            // catch: a picture less; the message is what it is.
            return BIMIVerdict(.temperror, domain: domain, reason: "\(name.value) could not be asked for")
        }
        guard let text = texts.first else { return nil }
        guard texts.count == 1 else { return BIMIVerdict(.fail, domain: domain, reason: "several BIMI records") }
        guard let record = BIMIRecord(text) else { return BIMIVerdict(.fail, domain: domain, reason: "the BIMI record cannot be understood") }
        guard record.indicator != nil || record.authority != nil else { return BIMIVerdict(.declined, domain: domain) }
        return BIMIVerdict(
            .skipped, domain: domain, indicator: record.indicator, authority: record.authority,
            reason: record.authority == nil ? "no mark certificate" : "the mark certificate was not verified")
    }
}

extension DMARCRecord {
    /// Neither the domain's own policy nor that of its subdomains is `none`, nor is it a test (RFC 9989 §3.2.4).
    fileprivate var isEnforced: Bool { isApplicable && policy != .none && subdomainPolicy != DMARCRecord.Policy.none && !isTesting }
}
