import Gatehouse
import MailModel
import Storage

extension Administration {
    /// Bans of one answer.
    private static let mostListed = 10_000

    func carryOut(_ order: LimitsOrder, by user: Int64) async throws -> OrderResult {
        let penalties = gatekeeper.penalties
        switch order {
        case .listBans:
            let (bans, count) = penalties.bans(most: Administration.mostListed)
            let lines = bans.map {
                BanLine(network: $0.network.description, origin: $0.origin.rawValue, until: $0.until?.description, reason: $0.reason)
            }
            return .bans(page: BanPage(bans: lines, count: count))
        case .ban(let text, let seconds, let reason):
            let network = try Administration.network(text)
            guard reason.utf8.count <= LoginPenalties.longestReason else { throw StorageFault.notAllowed("a reason that is too long") }
            try await penalties.ban(network, for: seconds.map { .seconds($0) }, reason: reason)
            log.notice("Ban ordered: \(network)", metadata: ["uid": "\(user)", "for": "\(seconds.map { "\($0) s" } ?? "ever")", "reason": "\(reason)"])
            expel(network)
        case .unban(let text):
            let network = try Administration.network(text)
            try await penalties.unban(network)
            log.notice("Ban removed: \(network)", metadata: ["uid": "\(user)"])
        case .unlock(let name):
            guard let record = try await directory.account(name) else { throw StorageFault.noSuchAccount }
            let networks = try await penalties.unlock(record.name)
            log.notice("Account unlocked: \(record.name)", metadata: ["uid": "\(user)", "networks": "\(networks.count)"])
            return .unlocked(line: UnlockLine(account: record.name.description, networks: networks.map(\.description)))
        }
        return .done
    }

    private static func network(_ text: String) throws -> Network {
        guard let network = Network(text) else { throw StorageFault.notAllowed("\"\(text)\" is no address and no network") }
        // One host has a /64 for itself, and would come by its next address.
        return network.isSingleAddress && !text.contains("/") ? Network(number: network.address.siteNumber) : network
    }
}
