/// A space of keys in which one kind of small things is kept by name: aliases, say. Its number is on the disk, and is never another's.
package struct Keyspace: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Addresses that stand for others.
    package static let aliases = Keyspace(rawValue: 1)
    /// Domains that stand for others.
    package static let domainAliases = Keyspace(rawValue: 2)
    /// What accounts want done with what comes for them.
    package static let deliverySettings = Keyspace(rawValue: 3)
    /// Mailing lists, and who is on them.
    package static let mailingLists = Keyspace(rawValue: 4)
    package static let listMembers = Keyspace(rawValue: 5)
    package static let listState = Keyspace(rawValue: 6)
    /// What domains say of TLS (RFC 8461), and how TLS with them went (RFC 8460).
    package static let transportPolicies = Keyspace(rawValue: 7)
    package static let transportOutcomes = Keyspace(rawValue: 8)
    /// Keys by which domains sign (RFC 6376), and what they are published as.
    package static let signingKeys = Keyspace(rawValue: 9)
    /// How mail in the names of other domains fared by their policies (RFC 9990), to be reported to them.
    package static let policyOutcomes = Keyspace(rawValue: 10)
    /// What others report of mail in the names of our domains (RFC 8460, RFC 9990).
    package static let receivedReports = Keyspace(rawValue: 11)
    /// Certificates and accounts at CAs (RFC 8555), with their private keys, and names with which something went wrong there.
    package static let certificates = Keyspace(rawValue: 12)
    /// What is kept of accounts' passwords for SCRAM (RFC 5802), by account.
    package static let scramKeys = Keyspace(rawValue: 13)
    /// Lockouts, bans, and the failures that lead to them.
    package static let loginPenalties = Keyspace(rawValue: 14)
    /// Passwords for one program of an account each, by the account and the keyed hash of the secret.
    package static let appPasswords = Keyspace(rawValue: 15)
    /// What accounts demand of their logins beside the password, by account.
    package static let accountSecurity = Keyspace(rawValue: 16)
    /// Roles beside those that are always there, by name, and who has which, by account.
    package static let roles = Keyspace(rawValue: 17)
    package static let roleGrants = Keyspace(rawValue: 18)
    /// Who may send in an account's name, by account.
    package static let delegates = Keyspace(rawValue: 19)
}

/// What becomes of one key.
package struct KeyValueChange: Hashable, Sendable {
    /// What must be there for the change to be made.
    package enum Expectation: Hashable, Sendable {
        case anything
        /// No value; otherwise `StorageFault.nameTaken`.
        case absence
        /// That value; otherwise `StorageFault.conflict`.
        case value([UInt8])
    }

    package let keyspace: Keyspace
    /// 1...`KeyValueLimits.key` octets.
    package let key: String
    /// At most `KeyValueLimits.value` octets; nil: it goes.
    package let value: [UInt8]?
    package let expected: Expectation

    package init(_ keyspace: Keyspace, _ key: String, _ value: [UInt8]?, expecting expected: Expectation = .anything) {
        self.keyspace = keyspace
        self.key = key
        self.value = value
        self.expected = expected
    }
}

package enum KeyValueLimits {
    /// Octets.
    package static let key = 1_024
    package static let value = 1 << 20
}

/// Small things that are kept by name, durable and sealed. They are few enough to be in memory, all of them: reading waits for no disk. Where some of a keyspace
/// cannot be read, `corrupt` is thrown in the place of an answer that might be short of one, or that there is none.
package protocol KeyValueStore: Sendable {
    /// Everything in a keyspace, by key.
    func values(in keyspace: Keyspace) throws -> [String: [UInt8]]
    /// Nil: there is none.
    func value(of key: String, in keyspace: Keyspace) throws -> [UInt8]?

    /// Makes all of the changes, durable on return, or none. One that removes works on a full disk too. `nameTaken`, `conflict`; `notAllowed` for a key or a value
    /// that is too long, or a key that comes twice.
    func change(_ changes: [KeyValueChange]) async throws
}

extension [KeyValueChange] {
    /// Throws `notAllowed` for what no store takes, and what `find` throws; `nameTaken` and `conflict` by what `find` says is there.
    package func check(_ find: (Keyspace, String) throws -> [UInt8]?) throws {
        var seen: Set<[UInt8]> = []
        for change in self {
            guard (1...KeyValueLimits.key).contains(change.key.utf8.count), change.value?.count ?? 0 <= KeyValueLimits.value,
                seen.insert([change.keyspace.rawValue] + [UInt8](change.key.utf8)).inserted
            else { throw StorageFault.notAllowed("a key or a value that cannot be kept") }
            switch change.expected {
            case .anything: break
            case .absence: guard try find(change.keyspace, change.key) == nil else { throw StorageFault.nameTaken }
            case .value(let value): guard try find(change.keyspace, change.key) == value else { throw StorageFault.conflict }
            }
        }
    }
}
