import Conversation
import MailModel
import SenderTrust

extension SenderJudge {
    /// Asks all judges, side by side where none waits for another. What strangers' names make us ask leaves questions and time for the authors' policies.
    func evidence(
        _ envelope: Intake.Envelope, _ address: IPAddress, _ survey: HeaderSurvey, _ text: SignatureObserver
    ) async -> SenderEvidence {
        let now = clock()
        let resolver = limited(LimitedResolver.mostForProofs)
        let question = question(envelope, address, now)
        let senders = SPFEvaluation(resolver: resolver, now: self.now)
        async let spf = senders.mailFrom(question)
        // With the null reverse-path both are the same.
        async let hello = envelope.reversePath == .null ? nil : senders.helo(question)
        async let signatures = text.dkim(resolver: resolver, now: now)
        async let chain = text.arc(resolver: resolver, now: now)
        async let name = ReverseNameEvaluation(resolver: resolver).verdict(of: address)
        let (sender, dkim) = await (spf, signatures)
        let authors = await DMARCEvaluation(resolver: limited(LimitedResolver.mostForPolicies)).judge(text.authors, spf: sender, dkim: dkim)
        var evidence = await SenderEvidence(spf: sender, hello: hello, dkim: dkim, arc: chain, authors: authors, isListed: survey.namesList)
        evidence.reverseName = await name
        evidence.mark = await BIMIEvaluation(resolver: resolver).evaluate(authors)
        for verdict in authors.verdicts where verdict.result == .fail {
            if let explanation = TrustedExplanation(evidence.arc, failure: verdict, trusted: rules.sealers) { evidence.explained[verdict.author] = explanation }
        }
        if envelope.isSentOn {
            let proven = evidence.provenAuthors
            for verdict in authors.verdicts where verdict.result != .none && !proven.contains(verdict.author) {
                evidence.organizations[verdict.author] = await organization(of: verdict.author, resolver)
            }
        }
        return evidence
    }

    /// Where DNS does not tell: the highest name that could be it.
    private func organization(of author: Domain, _ resolver: any Resolver) async -> Domain {
        do { return try await DMARCEvaluation(resolver: resolver).organizationalDomain(of: author) } catch {
            // catch: another server may be told what we are not.
            return Domain(author.value.split(separator: ".").suffix(2).joined(separator: ".")) ?? author
        }
    }

    /// From now on.
    private func limited(_ most: Int) -> LimitedResolver { LimitedResolver(resolver, most: most, until: now() + rules.patience, now) }

    private func question(_ envelope: Intake.Envelope, _ address: IPAddress, _ now: Timestamp) -> SPFQuestion {
        SPFQuestion(address: address, helo: envelope.client?.name, sender: envelope.reversePath, receiver: rules.name, now: now)
    }

    /// Authentication-Results (RFC 8601), which says it all; and Received-SPF (RFC 7208 §9.1), for who looks for that.
    func fields(_ evidence: SenderEvidence, _ ruling: SenderRuling, _ envelope: Intake.Envelope, _ address: IPAddress) -> [HeadField] {
        var results = AuthenticationResultsField(authserv: rules.name)
        for outcome in ruling.outcomes { results.add(outcome.verdict, disposition: outcome.disposition) }
        results.add(evidence.spf)
        if let hello = evidence.hello { results.add(hello) }
        for verdict in evidence.dkim.isEmpty ? [DKIMVerdict(.none)] : evidence.dkim { results.add(verdict) }
        results.add(evidence.arc, source: address)
        if let name = evidence.reverseName { results.addReverseName(name.result.rawValue, of: address, name: name.name) }
        if let mark = evidence.mark { results.add(mark) }
        let received = ReceivedSPF.pieces(evidence.spf, question(envelope, address, clock())).joined(separator: "\r\n ")
        return [HeadField("Authentication-Results", results.value), HeadField("Received-SPF", received)]
    }

    /// Tells how each author's policy fared.
    func report(_ ruling: SenderRuling, _ evidence: SenderEvidence, _ envelope: Intake.Envelope, _ address: IPAddress) {
        // RFC 9990 §3.5: nobody reports on reports.
        guard !envelope.isForReports else { return }
        let domains = Set(envelope.recipients.compactMap { recipient in if case .mailbox(let address) = recipient.address { address.domain } else { nil } })
        for outcome in ruling.outcomes where outcome.verdict.record != nil && outcome.verdict.result != .temperror {
            observe(
                DMARCObservation(
                    source: address, verdict: outcome.verdict, envelopeFrom: envelope.reversePath.address?.domain,
                    envelopeTo: domains.count == 1 ? domains.first : nil, spf: evidence.spf, dkim: evidence.dkim, disposition: outcome.disposition,
                    overrides: outcome.overrides), clock())
        }
    }
}
