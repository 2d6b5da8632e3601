import MailModel
import PostOffice

// Domains, aliases, and what accounts want done with their mail.
extension Administration {
    func domains() async throws -> [DomainLine] {
        let own = try await directory.domains().map { DomainLine(name: $0.value, aliasOf: nil) }
        let others = try directory.domainAliases().map { DomainLine(name: $0.domain.value, aliasOf: $0.target.value) }
        return (own + others).sorted { $0.name < $1.name }
    }

    func aliases(of name: String?) async throws -> [AliasLine] {
        var domain: Domain?
        if let name {
            guard let found = Domain(name), !found.isLiteral else { throw DirectoryFault.domain }
            domain = found
        }
        var lines: [AliasLine] = []
        for alias in try directory.aliases(of: domain) { lines.append(try await line(alias)) }
        return lines
    }

    func line(_ alias: Alias) async throws -> AliasLine {
        var nobody: [String] = []
        for target in alias.targets where try await directory.resolve(target) == .unknownUser { nobody.append(target.written) }
        return AliasLine(name: alias.name.written, targets: alias.targets.map(\.written), nobody: nobody)
    }
}

extension DeliveryLine {
    init(_ settings: DeliverySettings) {
        forwardsTo = settings.forwardsTo.map(\.written)
        keepsCopy = settings.keepsCopy
        filesByDetail = settings.filesByDetail
    }
}
