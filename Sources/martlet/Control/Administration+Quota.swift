import MailModel
import PostOffice
import SQLiteStore
import Storage

// What accounts may hold.
extension Administration {
    /// Every resource, in the order of RFC 9208 §5. `noSuchAccount`.
    func quota(of name: String) async throws -> [QuotaLine] {
        let account = try await account(name)
        let (usage, limits) = (try store.usage(of: account), try store.limits(of: account))
        return QuotaResource.allCases.map { QuotaLine(resource: $0.rawValue, usage: usage[$0] ?? 0, limit: limits[$0]) }
    }

    func set(_ lines: [QuotaLine], of name: String) async throws {
        let account = try await account(name)
        var limits = try store.ownLimits(of: account)
        for line in lines {
            guard let resource = QuotaResource(rawValue: line.resource), line.limit ?? 0 >= 0 else {
                throw StorageFault.notAllowed("there is no such quota: \(line.resource)")
            }
            limits[resource] = line.limit
        }
        try await store.set(limits: limits, of: account)
    }

    private func account(_ name: String) async throws -> AccountID {
        guard let record = try await directory.account(name) else { throw StorageFault.noSuchAccount }
        return record.id
    }
}
