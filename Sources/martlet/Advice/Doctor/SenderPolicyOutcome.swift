import Conversation
import MailModel
import SenderTrust
import Synchronization

/// Whether others would let an address of ours send for one of our domains, by its SPF record.
enum SenderPolicyOutcome: Hashable, Sendable {
    /// `isEverybody`: by `all`.
    case passes(isEverybody: Bool)
    /// It fails, or the record says nothing of it.
    case excluded
    /// Others cannot follow it either (permerror): why.
    case broken(String)
    /// It hangs on who of the domain writes: why.
    case unknown(String)
    /// Nobody knows what a name has.
    case unanswered(ResolverFault)

    /// - parameter helo: as whom mail goes out.
    init(of domain: Domain, helo: Domain, for address: IPAddress, _ resolver: any Resolver) async {
        let steps = Mutex<[SPFStep.Event]>([])
        let evaluation = SPFEvaluation(resolver: resolver, observe: { step in steps.withLock { $0.append(step.event) } })
        let question = SPFQuestion(
            address: address, helo: helo.value, mailbox: "postmaster@\(domain)", receiver: nil, now: Timestamp(rawValue: 0))
        let verdict = await evaluation.mailFrom(question)
        self.init(verdict, steps.withLock { $0 })
    }

    private init(_ verdict: SPFVerdict, _ steps: [SPFStep.Event]) {
        switch verdict.result {
        case .permerror: self = .broken(verdict.reason ?? "it is in error")
        case .temperror:
            let faults = steps.compactMap { step -> ResolverFault? in
                if case .unknown(_, _, let fault) = step { fault } else { nil }
            }
            self = .unanswered(faults.last ?? .timedOut)
        case .pass, .none, .neutral, .softfail, .fail:
            let term = verdict.mechanism ?? ""
            let isPass = verdict.result == .pass
            // What was asked of postmaster's mail may be otherwise for others'.
            if let personal = isPass ? (Self.isPersonal(term) ? term : nil) : Self.personalTerm(steps) {
                self = .unknown("\"\(personal)\" hangs on who writes")
            } else {
                self = isPass ? .passes(isEverybody: ["all", "+all"].contains(term.lowercased())) : .excluded
            }
        }
    }

    private static func personalTerm(_ steps: [SPFStep.Event]) -> String? {
        for case .term(let term, _) in steps where isPersonal(term) { return term }
        return nil
    }

    /// %{s}, %{l} (RFC 7208 §7.2)
    private static func isPersonal(_ term: String) -> Bool {
        let term = term.lowercased()
        return term.contains("%{s") || term.contains("%{l")
    }
}
