import MailModel
import SenderTrust

/// What is done with a message, by what the judges found and by the rules of the house.
struct SenderRuling: Hashable, Sendable {
    enum Action: Hashable, Sendable {
        case accept
        case fileAsJunk
        case refuse(Refusal)

        /// A refusal is more than a folder, and one for good more than one for now.
        fileprivate var weight: Int {
            switch self {
            case .accept: 0
            case .fileAsJunk: 1
            case .refuse(.policy(let answer)) where answer.code >= 500: 3
            case .refuse: 2
            }
        }
    }

    /// What became of one author domain's policy, as it is reported to it.
    struct Outcome: Hashable, Sendable {
        let verdict: DMARCVerdict
        let disposition: DMARCObservation.Disposition
        let overrides: [DMARCObservation.Override]
    }

    private(set) var action = Action.accept
    /// One for each author domain whose policy was asked for.
    private(set) var outcomes: [Outcome] = []

    init(_ evidence: SenderEvidence, _ rules: SenderRules) {
        if case .unclear(let reason) = evidence.authors.authors {
            action = .refuse(.said(550, "5.7.1", "From does not say clearly whose mail it is: \(reason) (RFC 5322 section 3.6.2)"))
            return
        }
        let verdicts = evidence.authors.verdicts
        // Without an author there is nobody whose policy could be asked for.
        if verdicts.isEmpty { action = .fileAsJunk }
        for verdict in verdicts {
            let (action, outcome) = Self.ruling(verdict, evidence, rules)
            if action.weight > self.action.weight { self.action = action }
            outcomes.append(outcome)
        }
        guard action == .accept, verdicts.allSatisfy({ $0.result == .none }), Self.isExcluded(evidence) else { return }
        switch rules.exclusion {
        case .accepted: break
        case .filedAsJunk: action = .fileAsJunk
        // RFC 7372 §3.2
        case .refused: action = .refuse(.said(550, "5.7.23", "\(evidence.spf.domain?.value ?? "The sender") lets no mail come from your server (SPF)"))
        }
    }

    /// The sender's domain says that the client is none of its servers, and nobody else's signature vouches for the message.
    private static func isExcluded(_ evidence: SenderEvidence) -> Bool {
        evidence.spf.result == .fail && !evidence.dkim.contains { $0.result == .pass && !$0.isPartial && !$0.isTesting } && evidence.provenAuthors.isEmpty
    }

    private static func ruling(_ verdict: DMARCVerdict, _ evidence: SenderEvidence, _ rules: SenderRules) -> (Action, Outcome) {
        func outcome(_ disposition: DMARCObservation.Disposition, _ overrides: [DMARCObservation.Override] = []) -> Outcome {
            Outcome(verdict: verdict, disposition: disposition, overrides: overrides)
        }
        switch verdict.result {
        case .pass: return (.accept, outcome(.pass))
        case .none, .permerror: return (.accept, outcome(.none))
        case .temperror:
            // A policy that is known, and that nobody could be asked to prove, is not undone by that.
            guard rules.doubt == .putOff else {
                return verdict.policy == .none ? (.accept, outcome(.none)) : (.fileAsJunk, outcome(.quarantine, [.init(.localPolicy)]))
            }
            return (
                .refuse(.said(451, "4.7.0", "Nobody could be asked what \(verdict.author) wants done with mail in its name; try again later")), outcome(.none)
            )
        case .fail: break
        }
        let isTest = verdict.record?.isTesting == true ? [DMARCObservation.Override(.policyTestMode)] : []
        if verdict.policy == .none { return (.accept, outcome(.none, isTest)) }
        if let explanation = evidence.explained[verdict.author] { return (.accept, outcome(.none, [explanation.override])) }
        if verdict.policy == .quarantine { return (.fileAsJunk, outcome(.quarantine, isTest)) }
        switch rules.rejection {
        case .never: return (.fileAsJunk, outcome(.quarantine, [.init(.localPolicy)]))
        case .unlessIndirect where evidence.isIndirect(verdict):
            return (.fileAsJunk, outcome(.quarantine, [evidence.isListed ? .init(.mailingList) : .init(.other, comment: "it seems to come by way of others")]))
        case .unlessIndirect, .always:
            let text = "Mail from \(verdict.author) has to prove that it is theirs, and this does not (DMARC; see RFC 9989)"
            return (.refuse(.said(550, "5.7.1", text)), outcome(.reject))
        }
    }
}

extension Refusal {
    /// In SMTP's words.
    fileprivate static func said(_ code: Int, _ status: String, _ text: String) -> Refusal {
        SMTPAnswer(code, status, text).map { .policy($0) } ?? .unavailable
    }
}
