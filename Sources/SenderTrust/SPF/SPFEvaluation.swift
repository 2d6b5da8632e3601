package import Conversation
import MailModel

/// Whether a client may send for a domain, by that domain's word: check_host() of RFC 7208 §4.
///
/// - It never throws. Who cancels its task gets `temperror` soon, and has no use for it.
/// - Bounded in everything that a domain's owner decides: questions, time, octets, and how much macros make (`SPFLimits`).
package struct SPFEvaluation: Sendable {
    private let resolver: any Resolver
    private let limits: SPFLimits
    private let now: @Sendable () -> ContinuousClock.Instant
    private let observe: (@Sendable (SPFStep) -> Void)?

    /// - parameter observe: is told of each step as it is done.
    package init(
        resolver: any Resolver, limits: SPFLimits = .standard, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        observe: (@Sendable (SPFStep) -> Void)? = nil
    ) {
        self.resolver = resolver
        self.limits = limits
        self.now = now
        self.observe = observe
    }

    /// Of MAIL FROM; with the null reverse-path, of `postmaster` at the domain of HELO (§2.4).
    package func mailFrom(_ question: SPFQuestion) async -> SPFVerdict {
        guard let sender = question.sender else {
            return await verdict(question, .mailFrom, SPFQuestion.Sender(localPart: "", domain: question.helo ?? ""))
        }
        return await verdict(question, .mailFrom, sender)
    }

    /// Of the domain of HELO (§2.3).
    package func helo(_ question: SPFQuestion) async -> SPFVerdict {
        await verdict(question, .helo, SPFQuestion.Sender(localPart: "", domain: question.helo ?? ""))
    }

    private func verdict(_ question: SPFQuestion, _ identity: SPFVerdict.Identity, _ asked: SPFQuestion.Sender) async -> SPFVerdict {
        // §4.3
        let localPart = asked.localPart.isEmpty ? "postmaster" : asked.localPart
        let domain = Domain(asked.domain)?.asciiForm
        // RFC 8616 §4: macros have A-labels.
        let sender = "\(localPart)@\(domain?.value ?? asked.domain)"
        guard let domain, let name = DNSName(domain), domain.value.contains(".") else {
            return SPFVerdict(.none, identity, domain: nil, sender: sender, reason: "the domain is none that DNS could be asked for")
        }
        var values = SPFMacroValues(
            localPart: localPart, senderDomain: domain.value, domain: domain.value, address: question.address, helo: question.helo ?? "unknown",
            now: question.now)
        if let receiver = question.receiver { values.receiver = receiver.value }
        let inquiry = SPFInquiry(resolver: resolver, limits: limits, deadline: now() + limits.patience, now: now, observe: observe)
        var walk = SPFWalk(inquiry, values)
        do throws(SPFStop) {
            let outcome = try await walk.outcome(of: name)
            let explanation = await walk.explanation(of: outcome)
            return SPFVerdict(
                outcome.result, identity, domain: domain, sender: sender, mechanism: outcome.term, explanation: explanation,
                reason: outcome.result == .none ? "the domain has no SPF record" : nil)
        } catch {
            return SPFVerdict(error.result, identity, domain: domain, sender: sender, reason: error.reason)
        }
    }
}

/// Why there is nothing to go on with.
struct SPFStop: Error, Hashable {
    /// `temperror` or `permerror`
    let result: SPFVerdict.Result
    let reason: String

    static func permerror(_ reason: String) -> SPFStop { SPFStop(result: .permerror, reason: reason) }
    static func temperror(_ reason: String) -> SPFStop { SPFStop(result: .temperror, reason: reason) }
}
