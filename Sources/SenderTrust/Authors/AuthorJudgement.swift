import MailModel

/// What DMARC says of all authors of a message.
package struct AuthorJudgement: Hashable, Sendable {
    package let authors: MessageAuthors
    /// One for each of `authors.domains`, in their order.
    package let verdicts: [DMARCVerdict]

    package init(authors: MessageAuthors, verdicts: [DMARCVerdict]) {
        self.authors = authors
        self.verdicts = verdicts
    }

    /// The verdict by which the message is handled: the worst, the first of equals; nil where there is no author to judge.
    package var decisive: DMARCVerdict? {
        verdicts.reduce(nil) { worst, verdict in
            guard let worst else { return verdict }
            return AuthorJudgement.weight(verdict) > AuthorJudgement.weight(worst) ? verdict : worst
        }
    }

    /// Who is unclear is refused, whatever anybody's policy (RFC 9989 §4.4, §11.5).
    package var refusal: String? {
        if case .unclear(let reason) = authors { return reason }
        return nil
    }

    private static func weight(_ verdict: DMARCVerdict) -> Int {
        switch (verdict.result, verdict.policy) {
        case (.pass, _): 0
        case (.none, _): 1
        case (.fail, .none): 2
        case (.permerror, _): 3
        case (.temperror, _): 4
        case (.fail, .quarantine): 5
        case (.fail, .reject): 6
        }
    }
}

extension DMARCEvaluation {
    /// Judges every author of a message, each by itself and side by side: none that DNS is slow to tell of keeps the others waiting.
    package func judge(_ authors: MessageAuthors, spf: SPFVerdict?, dkim: [DKIMVerdict]) async -> AuthorJudgement {
        if authors.domains.count == 1, let only = authors.domains.first {
            return AuthorJudgement(authors: authors, verdicts: [await evaluate(author: only, spf: spf, dkim: dkim)])
        }
        let verdicts = await withTaskGroup(of: (Domain, DMARCVerdict).self) { group in
            for domain in authors.domains { group.addTask { (domain, await evaluate(author: domain, spf: spf, dkim: dkim)) } }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        return AuthorJudgement(authors: authors, verdicts: authors.domains.compactMap { verdicts[$0] })
    }
}
