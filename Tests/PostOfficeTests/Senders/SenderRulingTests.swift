import MailModel
import SenderTrust
import Testing

@testable import PostOffice

@Suite("What is done with mail, by what was judged of its sender")
struct SenderRulingTests {
    private let author: Domain
    private let other: Domain
    private let rules: SenderRules

    init() throws {
        author = try #require(Domain("author.example"))
        other = try #require(Domain("other.example"))
        rules = SenderRules(name: try #require(Domain("mail.example.org")))
    }

    private func verdict(_ result: DMARCVerdict.Result, _ policy: DMARCRecord.Policy = .none, of domain: Domain? = nil, testing: Bool = false) -> DMARCVerdict {
        var record = DMARCRecord()
        record.isTesting = testing
        let domain = domain ?? author
        return DMARCVerdict(
            result, author: domain, organizationalDomain: domain, record: result == .none ? nil : record, recordDomain: domain, policy: policy)
    }

    private func evidence(_ verdicts: DMARCVerdict..., spf: SPFVerdict.Result = .none, dkim: [DKIMVerdict] = []) -> SenderEvidence {
        let domains = verdicts.map(\.author)
        let authors: MessageAuthors = domains.isEmpty ? .none : domains.count == 1 ? .one(domains[0]) : .several(domains)
        return SenderEvidence(
            spf: SPFVerdict(spf, .mailFrom, domain: other, sender: "x@other.example"), dkim: dkim,
            authors: AuthorJudgement(authors: authors, verdicts: verdicts))
    }

    private func code(_ action: SenderRuling.Action) -> Int {
        switch action {
        case .accept: 250
        case .fileAsJunk: 251
        case .refuse(.policy(let answer)): answer.code
        case .refuse: 0
        }
    }

    private func codes(_ evidence: SenderEvidence, _ change: (inout SenderRules) -> Void = { _ in }) -> Int {
        var rules = rules
        change(&rules)
        return code(SenderRuling(evidence, rules).action)
    }

    @Test("who passes, and who has no policy, is taken; p=none is watched; p=quarantine is junk; p=reject without a sign of others on its way is refused")
    func policies() {
        #expect(codes(evidence(verdict(.pass, .reject))) == 250)
        #expect(codes(evidence(verdict(.none))) == 250)
        #expect(codes(evidence(verdict(.permerror))) == 250)
        #expect(codes(evidence(verdict(.fail, .none))) == 250)
        #expect(codes(evidence(verdict(.fail, .quarantine))) == 251)
        #expect(codes(evidence(verdict(.fail, .reject))) == 550)
    }

    @Test("a list, a chain that holds or a broken signature of the author's makes junk of what would be refused, unless it is always refused; RFC 9989 §7.4")
    func indirect() throws {
        var listed = evidence(verdict(.fail, .reject))
        listed.isListed = true
        var sealed = evidence(verdict(.fail, .reject))
        sealed.arc = ARCVerdict(.pass)
        var weak = sealed
        weak.arc = ARCVerdict(.pass, isWeak: true)
        #expect(codes(weak) == 550)
        let broken = evidence(verdict(.fail, .reject), dkim: [DKIMVerdict(.fail, domain: author)])
        for evidence in [listed, sealed, broken] {
            #expect(codes(evidence) == 251)
            #expect(codes(evidence) { $0.rejection = .always } == 550)
            #expect(codes(evidence) { $0.rejection = .never } == 251)
        }
        #expect(codes(evidence(verdict(.fail, .reject), dkim: [DKIMVerdict(.fail, domain: other)])) == 550)
        // By relaxed alignment, whatever adkim= says.
        let below = try #require(Domain("mail.author.example"))
        let beside = try #require(Domain("evilauthor.example"))
        #expect(codes(evidence(verdict(.fail, .reject), dkim: [DKIMVerdict(.fail, domain: below)])) == 251)
        #expect(codes(evidence(verdict(.fail, .reject), dkim: [DKIMVerdict(.fail, domain: beside)])) == 550)
        #expect(codes(evidence(verdict(.fail, .reject), dkim: [DKIMVerdict(.permerror, domain: author)])) == 550)
        let deep = DMARCVerdict(.fail, author: below, organizationalDomain: author, policy: .reject)
        #expect(codes(evidence(deep, dkim: [DKIMVerdict(.fail, domain: author)])) == 251)
        #expect(codes(evidence(deep, dkim: [DKIMVerdict(.fail, domain: Domain("news.author.example"))])) == 251)
        #expect(codes(evidence(verdict(.fail, .reject))) { $0.rejection = .never } == 251)
        let ruling = SenderRuling(listed, rules)
        #expect(ruling.outcomes.map(\.disposition) == [.quarantine] && ruling.outcomes[0].overrides.map(\.kind) == [.mailingList])
    }

    @Test("a chain that ends with somebody who is believed explains the failure of the author that it speaks of, and of no other")
    func explained() throws {
        let sealer = try #require(Domain("list.example"))
        let link = ARCVerdict.Link(instance: 1, domain: sealer, selector: "s", results: "list.example; dmarc=pass header.from=author.example")
        var evidence = evidence(verdict(.fail, .reject))
        evidence.arc = ARCVerdict(.pass, links: [link], oldestPass: 0)
        let explanation = try #require(TrustedExplanation(evidence.arc, failure: verdict(.fail, .reject), trusted: [sealer]))
        evidence.explained = [author: explanation]
        let ruling = SenderRuling(evidence, rules)
        #expect(ruling.action == .accept && ruling.outcomes[0].disposition == .none && ruling.outcomes[0].overrides.map(\.kind) == [.trustedForwarder])
        evidence.explained = [other: explanation]
        #expect(codes(evidence) == 251)
    }

    @Test("of several authors the worst decides; each is reported by itself")
    func several() {
        let ruling = SenderRuling(evidence(verdict(.pass, .reject), verdict(.fail, .reject, of: other)), rules)
        #expect(code(ruling.action) == 550 && ruling.outcomes.map(\.disposition) == [.pass, .reject])
        #expect(codes(evidence(verdict(.fail, .quarantine), verdict(.pass, of: other))) == 251)
    }

    @Test("without an author it is junk; where From can be read in several ways it is refused, whatever vouches for it")
    func authors() {
        #expect(codes(evidence(spf: .pass)) == 251)
        var unclear = evidence(verdict(.pass))
        unclear.authors = AuthorJudgement(authors: .unclear("two From fields"), verdicts: [])
        #expect(codes(unclear) == 550)
    }

    @Test("where DNS does not tell it comes again, or is taken")
    func trouble() {
        #expect(codes(evidence(verdict(.temperror))) == 451)
        #expect(codes(evidence(verdict(.temperror))) { $0.doubt = .accepted } == 250)
        // A policy that is known is not undone by a key that cannot be asked for.
        #expect(codes(evidence(verdict(.temperror, .reject))) { $0.doubt = .accepted } == 251)
        #expect(codes(evidence(verdict(.temperror, .quarantine))) { $0.doubt = .accepted } == 251)
        // What is said of it is what is done with it.
        var rules = rules
        rules.doubt = .accepted
        let filed = SenderRuling(evidence(verdict(.temperror, .reject)), rules).outcomes
        #expect(filed.map(\.disposition) == [.quarantine] && filed[0].overrides.map(\.kind) == [.localPolicy])
        #expect(SenderRuling(evidence(verdict(.temperror)), rules).outcomes.map(\.disposition) == [DMARCObservation.Disposition.none])
    }

    @Test("a policy that is known to be broken is not put off for another author whose DNS does not answer")
    func troubleBeside() {
        #expect(codes(evidence(verdict(.temperror, of: other), verdict(.fail, .reject))) == 550)
        #expect(codes(evidence(verdict(.fail, .reject), verdict(.temperror, of: other))) == 550)
    }

    @Test("a server that the sender's domain excludes counts where no policy says more, and nobody vouches")
    func exclusion() {
        #expect(codes(evidence(verdict(.none), spf: .fail)) == 251)
        #expect(codes(evidence(verdict(.none), spf: .softfail)) == 250)
        #expect(codes(evidence(verdict(.none), spf: .fail)) { $0.exclusion = .refused } == 550)
        #expect(codes(evidence(verdict(.none), spf: .fail)) { $0.exclusion = .accepted } == 250)
        #expect(codes(evidence(verdict(.none), spf: .fail, dkim: [DKIMVerdict(.pass, domain: other)])) == 250)
        #expect(codes(evidence(verdict(.fail, .none), spf: .fail)) == 250)
    }

    @Test("t=y is told to who publishes it")
    func testing() {
        let ruling = SenderRuling(evidence(verdict(.fail, .quarantine, testing: true)), rules)
        #expect(ruling.action == .fileAsJunk && ruling.outcomes[0].overrides.map(\.kind) == [.policyTestMode])
    }

    @Test("proved is who passes, and without a policy whose own name SPF or a whole signature has")
    func proven() {
        func proven(_ evidence: SenderEvidence) -> Set<Domain> { evidence.provenAuthors }
        #expect(proven(evidence(verdict(.pass))) == [author])
        #expect(proven(evidence(verdict(.fail))).isEmpty)
        #expect(proven(evidence(verdict(.none, of: other), spf: .pass)) == [other])
        #expect(proven(evidence(verdict(.none), dkim: [DKIMVerdict(.pass, domain: author)])) == [author])
        #expect(proven(evidence(verdict(.none), dkim: [DKIMVerdict(.pass, domain: author, isPartial: true)])).isEmpty)
        #expect(proven(evidence(verdict(.none), dkim: [DKIMVerdict(.pass, domain: author, isTesting: true)])).isEmpty)
        #expect(proven(evidence(verdict(.none), spf: .pass)).isEmpty)
    }
}
