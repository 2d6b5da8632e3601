import Gatehouse
import PostOffice
import Storage

/// With the embedded default an empty store gets a domain with two accounts, so that there is something to try.
enum FirstAccounts {
    struct Newcomer {
        /// NAME@DOMAIN.
        let name: String
        let password: String
    }

    /// None when there are accounts, or a configuration file says what is wanted.
    static func make(_ configuration: Configuration, _ house: House) async throws -> [Newcomer] {
        guard configuration.isEmbedded, let domain = configuration.domain, try await isEmpty(house) else { return [] }
        if try await !house.directory.domains().contains(domain) { try await house.directory.add(domain: domain.value) }
        var newcomers: [Newcomer] = []
        for user in ["alice", "bob"] {
            let newcomer = Newcomer(name: "\(user)@\(domain)", password: RandomPassword.make())
            _ = try await house.directory.add(account: newcomer.name, password: Password(newcomer.password))
            newcomers.append(newcomer)
        }
        return newcomers
    }

    private static func isEmpty(_ house: House) async throws -> Bool {
        do {
            return try await house.directory.list().isEmpty
        } catch StorageFault.corrupt {
            // There are accounts, and not all of them can be read.
            return false
        }
    }
}
