import Logging
import MailModel
import PostOffice

// How TLS with other servers went.
extension Administration {
    /// Octets in one answer: far below `ControlLine.longest`, however they are escaped.
    private static let mostTLSOctets = 256 << 10

    func tlsOutcomes(of name: String?, skipping: Int) async throws -> TLSOutcomePage {
        await finishTraces()
        let domain = try name.map { name in
            guard let domain = Domain(name)?.asciiForm else { throw DirectoryFault.domain }
            return domain
        }
        let lines = try await TLSOutcomes(store: store, log: Logger(label: "martlet")).days(of: domain).flatMap { day in
            day.tally.policies.map { TLSOutcomeLine(day, $0, $1) }.sorted {
                ($0.policy, $0.policyStrings.description) < ($1.policy, $1.policyStrings.description)
            }
        }
        var page: [TLSOutcomeLine] = []
        var octets = 0
        for line in lines.dropFirst(max(0, skipping)) {
            octets += line.size
            guard page.isEmpty || (octets <= Administration.mostTLSOctets && page.count < 500) else { return TLSOutcomePage(lines: page, hasMore: true) }
            page.append(line)
        }
        return TLSOutcomePage(lines: page, hasMore: false)
    }
}
