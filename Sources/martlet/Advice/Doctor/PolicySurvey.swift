import Conversation
import MailModel
import PostOffice

/// Fetches our domains' policies for TLS, as those do that send to them (RFC 8461 §3.3).
struct PolicySurvey: Sendable {
    let names: NameSurvey
    let fetcher: any WebFetcher
    /// That this machine has itself.
    let machine: Set<IPAddress>

    /// Domains that are asked for: each costs the server that has the policy a connection, of which one address may make so many.
    private static let most = 20

    /// Of those that have a policy here, or whose records say so.
    func look(at domains: [Task<DomainFacts, Never>]) async throws -> [PolicyFacts] {
        var found: [PolicyFacts] = []
        for domain in domains {
            let facts = await domain.value
            guard facts.site.transportPolicyID != nil || StrictTransportRecord(facts.transportPolicy?.records() ?? []) != nil,
                let place = Domain("mta-sts.\(facts.site.domain)")
            else { continue }
            let outcome: PolicyFacts.Outcome =
                found.count < PolicySurvey.most ? await look(at: place, facts.site) : .unseen("\(PolicySurvey.most) others were asked for, and no more are")
            found.append(PolicyFacts(place: place, host: facts.site.host, isListening: facts.site.ports[.https] != nil, outcome: outcome))
        }
        return found
    }

    private func look(at place: Domain, _ site: MailSite) async -> PolicyFacts.Outcome {
        let answers = await names.addresses(of: place)
        let addresses: [IPAddress] = answers.flatMap { $0.records() }
        if addresses.isEmpty {
            if let fault = answers.compactMap(\.fault).first { return .unseen(fault.sentence) }
            return .failed(TLSFailure(.stsFetchError, "\(place) has no address"))
        }
        do throws(TLSFailure) { return .fetched(try await StrictTransportSource(fetcher).policy(at: place)) } catch {
            // Behind a NAT that does not lead back, or leads to itself, nobody here sees what others see.
            let isBehind = addresses.allSatisfy { site.addresses.contains($0) && !machine.contains($0) }
            return isBehind ? .unseen("this machine is behind what has the address, and from here: \(error.reason)") : .failed(error)
        }
    }
}
