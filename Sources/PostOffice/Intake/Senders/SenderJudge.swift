package import Conversation
package import Logging
package import MailModel
import NIOCore
package import SenderTrust

/// Judges who sent what other servers bring, by the octets as they came: SPF, DKIM, ARC and DMARC, all at the end of the text, so that one field says it all.
package struct SenderJudge: Sendable {
    let resolver: any Resolver
    let rules: SenderRules
    let clock: Timestamp.Clock
    let now: @Sendable () -> ContinuousClock.Instant
    /// Hears how mail fared by its author's policy, with when; does not wait.
    let observe: @Sendable (DMARCObservation, Timestamp) -> Void
    private let log: Logger

    package init(
        resolver: any Resolver, rules: SenderRules, clock: @escaping Timestamp.Clock, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        log: Logger, observe: @escaping @Sendable (DMARCObservation, Timestamp) -> Void
    ) {
        self.resolver = resolver
        self.rules = rules
        self.clock = clock
        self.now = now
        self.log = log
        self.observe = observe
    }

    /// Strangers alone are judged: not our users, not this machine's programs, not whose networks are exempt.
    func judges(_ envelope: Intake.Envelope) -> IPAddress? {
        guard envelope.submission == nil, envelope.sender == nil, let client = envelope.client, client.user == nil, client.localUser == nil,
            let address = IPAddress(client.address), !rules.exempt.contains(where: { $0.contains(address) })
        else { return nil }
        return address
    }

    func verdict(_ envelope: Intake.Envelope, _ survey: HeaderSurvey, _ text: SignatureObserver) async -> Intake.Check.Verdict {
        guard let address = judges(envelope) else { return .pass }
        let evidence = await evidence(envelope, address, survey, text)
        let ruling = SenderRuling(evidence, rules)
        report(ruling, evidence, envelope, address)
        log.debug("Sender judged", metadata: ["id": "\(envelope.id)", "action": "\(ruling.action)", "spf": "\(evidence.spf.result)"])
        switch ruling.action {
        case .refuse(let refusal): return .refuse(refusal)
        case .accept, .fileAsJunk:
            return .judged(
                SenderJudgement(
                    fields: fields(evidence, ruling, envelope, address), isJunk: ruling.action == .fileAsJunk,
                    provenAuthors: evidence.provenAuthors, organizations: evidence.organizations, provenSender: evidence.provenSender))
        }
    }
}
