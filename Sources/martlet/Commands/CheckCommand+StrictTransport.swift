import ArgumentParser
import Conversation
import MailModel
import PostOffice
import Transport

extension CheckCommand {
    struct StrictTransportCheck: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "mta-sts", abstract: "Ask what a domain wants of those that send to it (MTA-STS, RFC 8461).",
            discussion: "Its record in DNS, its policy, fetched anew by HTTPS, and what that demands of each of its mail servers.")

        @Argument(help: "The domain that mail would go to.") var domain: String
        @OptionGroup var options: CheckOptions

        func run() async throws {
            let domain = try CheckOptions.domain(self.domain)
            try await options.report { configuration, resolver in
                guard let name = StrictTransportRecord.name(of: domain), let host = Domain("mta-sts.\(domain)") else {
                    throw CommandFault(code: Sysexit.dataError, text: "\(domain) is too long to have a policy")
                }
                var findings: [CheckReport.Finding] = []
                do {
                    let texts = try await resolver.texts(of: name).records
                    if let record = StrictTransportRecord(texts) {
                        findings = try await policy(record, at: host, of: domain, configuration, resolver)
                    } else {
                        findings = [CheckReport.Finding("mta-sts", "none", ["record": name.value], reason: "it has no such record, and mail goes as ever")]
                    }
                } catch let fault as ResolverFault {
                    findings = [CheckReport.Finding("mta-sts", "temperror", ["record": name.value], reason: fault.words)]
                }
                return CheckReport(findings: findings, steps: resolver.steps)
            }
        }

        private func policy(
            _ record: StrictTransportRecord, at host: Domain, of domain: Domain, _ configuration: Configuration, _ resolver: WatchedResolver
        ) async throws -> [CheckReport.Finding] {
            var setting = HTTPSClient.Setting(.world)
            setting.families = configuration.outbound.families
            setting.sources = configuration.outbound.identity.sources
            let threads = Threads(count: 1)
            let fetcher = HTTPSClient(resolver, try OutboundServices.dialler(configuration.outbound, threads), setting)
            let policy: StrictTransportPolicy
            do throws(TLSFailure) {
                policy = try await StrictTransportSource(fetcher).policy(at: host)
            } catch {
                let result = error.kind == .stsFetchError ? "temperror" : "fail"
                return [CheckReport.Finding("mta-sts", result, ["id": record.id, "policy at": host.value], reason: error.reason)]
            }
            let finding = CheckReport.Finding(
                "mta-sts", policy.mode.rawValue,
                [
                    "id": record.id, "policy at": host.value, "servers": policy.exchangers.map(\.description).joined(separator: " "),
                    "max-age": "\(policy.maxAge)",
                ])
            let hosts = try await resolver.mailExchangers(of: domain).records.compactMap(\.host)
            return [finding] + hosts.map { CheckReport.Finding("server", $0, policy.decision(on: $0)) }
        }
    }
}

extension CheckReport.Finding {
    /// What a server would have to show.
    init(_ method: String, _ host: Domain, _ decision: TLSDecision, _ properties: KeyValuePairs<String, String?> = [:]) {
        let told: (result: String, reason: String?, terms: TLSTerms?) =
            switch decision {
            case .unpublished: ("nothing demanded", nil, nil)
            case .passedOver(let server): ("passed over", server.failure.reason, nil)
            case .required(let requirement): (requirement.isEnforced ? "demanded" : "wished", requirement.knownFailure?.reason, requirement.terms)
            }
        var shown = [("host", Optional(host.value))] + properties.map { ($0, $1) }
        if let terms = told.terms { shown.append(("certificate", terms.verification.words)) }
        self.init(
            method: method, result: told.result, properties: shown.compactMap { name, value in value.map { CheckReport.Property(name: name, value: $0) } },
            reason: told.reason)
    }
}

extension TLSTerms.Verification {
    fileprivate var words: String {
        switch self {
        case .none: "any, TLS alone"
        case .authorities(let names): "for \(names.joined(separator: " or ")), by a known authority"
        case .dane(let records, _) where records.isEmpty: "any, TLS alone, as nobody can use the records"
        case .dane(let records, let names):
            "fits one of: " + records.map(\.description).joined(separator: ", ") + (names.isEmpty ? "" : "; for " + names.joined(separator: " or "))
        }
    }
}
