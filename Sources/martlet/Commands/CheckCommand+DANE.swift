import ArgumentParser
import Conversation
import MailModel
import PostOffice
import Transport

extension CheckCommand {
    struct DANECheck: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dane", abstract: "Ask what DANE demands of a domain's mail servers (RFC 7672).",
            discussion: "Its exchangers, or the host itself where it has none, their addresses and TLSA records, each with whether DNSSEC has proved it.")

        @Argument(help: ArgumentHelp("A domain or a host, with a port where that is not 25.", valueName: "domain[:port]")) var place: String
        @OptionGroup var options: CheckOptions

        func run() async throws {
            let parts = place.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let port = parts.count == 2 ? PortText.port(parts[1]) : 25 else { throw CommandFault(code: Sysexit.usage, text: "\(parts[1]) is no port") }
            let domain = try CheckOptions.domain(String(parts.first ?? ""))
            try await options.report { configuration, resolver in
                CheckReport(findings: try await findings(domain, port, resolver), steps: resolver.steps)
            }
        }

        private func findings(_ domain: Domain, _ port: Int, _ resolver: WatchedResolver) async throws -> [CheckReport.Finding] {
            let route: MailRoute
            do {
                // Whoever asks may ask of this very server.
                route = try await MailRouter(resolver, MailRouter.Setting(), asciiForm: { $0.asciiForm }).route(to: domain, allowsPrivate: true)
            } catch let fault as MailRouteFault {
                return [CheckReport.Finding("dane", fault.isPermanent ? "none" : "temperror", ["domain": domain.value], reason: fault.description)]
            }
            var findings: [CheckReport.Finding] = []
            var hosts: Set<Domain> = []
            for server in route.servers where hosts.insert(server.host).inserted {
                let finding = try await DANE(resolver).finding(for: server, port: port, nextHop: domain, isSecure: route.isSecure)
                findings.append(
                    CheckReport.Finding(
                        "dane", server.host, finding.decision,
                        [
                            "preference": "\(server.preference)", "exchangers proved": route.isSecure ? "yes" : "no",
                            "address proved": server.isSecure ? "yes" : "no",
                        ]))
            }
            return findings
        }
    }
}
