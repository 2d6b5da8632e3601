import MailModel
package import Storage
import Synchronization

/// The keys of all accounts for SCRAM, and whether SCRAM is offered.
package final class SCRAMKeyring: Sendable {
    package enum Offer: String, CaseIterable, Sendable {
        /// Once every account that may log in has keys.
        case auto
        /// Always: an account without keys logs in otherwise.
        case on
        /// Never; no keys are made.
        case off
    }

    private struct State {
        /// Accounts without keys of their password that may log in; nil: nobody has looked yet.
        var lacking: Set<AccountID>?
        /// References of keys that are known to be kept.
        var kept: [AccountID: [UInt8]] = [:]
    }

    let offer: Offer
    private let store: any KeyValueStore
    /// What salts of those that are not there come from.
    private let secret: [UInt8]
    private let state = Mutex(State())

    /// - parameter secret: 32 octets, the same after every start.
    package init(store: any KeyValueStore, secret: [UInt8], offer: Offer) {
        self.store = store
        self.secret = secret
        self.offer = offer
    }

    package var isOffered: Bool {
        switch offer {
        case .off: false
        case .on: true
        case .auto: state.withLock { $0.lacking?.isEmpty ?? false }
        }
    }

    /// Of the account's password as it is; nil: there are none. Throws `StorageFault`.
    func keys(of record: AccountRecord) throws -> SCRAMKeys? {
        guard let octets = try store.value(of: SCRAMKeyring.key(record.id), in: .scramKeys) else { return nil }
        let keys = try SCRAMKeys(written: octets)
        return isEqualInConstantTime(keys.reference, SCRAMKeys.reference(to: record.passwordHash)) ? keys : nil
    }

    /// What an account without keys, or a name that is nobody's, is asked: the same each time, and no proof fits.
    func decoy(for name: String) -> SCRAMKeys {
        func octets(_ purpose: String) -> [UInt8] { SCRAMKeys.mac(secret, Array("\(purpose) \(name)".utf8)) }
        return SCRAMKeys(
            salt: Array(octets("salt").prefix(SCRAMKeys.saltLength)), iterations: SCRAMKeys.iterations,
            pairs: [SCRAMKeys.Pair(storedKey: octets("stored key"), serverKey: octets("server key"))], reference: [])
    }

    /// Whether keys of that account's password have still to be made. Where it is not known, they have.
    func lacksKeys(of record: AccountRecord) -> Bool {
        guard offer != .off else { return false }
        let reference = SCRAMKeys.reference(to: record.passwordHash)
        if state.withLock({ $0.kept[record.id] == reference }) { return false }
        // try?: what cannot be read is made anew.
        let isThere = (try? keys(of: record)) != nil
        if isThere { note(record, hasKeys: true) }
        return !isThere
    }

    /// What is kept for an account, to be given to `keep`.
    func value(of account: AccountID) throws -> [UInt8]? { try store.value(of: SCRAMKeyring.key(account), in: .scramKeys) }

    /// Durable on return. `record`: as it is since `previous` was read. Throws `StorageFault`; `conflict` where somebody else was faster.
    func keep(_ keys: SCRAMKeys, of record: AccountRecord, inPlaceOf previous: [UInt8]?) async throws {
        let expected: KeyValueChange.Expectation = previous.map { .value($0) } ?? .absence
        try await store.change([KeyValueChange(.scramKeys, SCRAMKeyring.key(record.id), try keys.written, expecting: expected)])
        note(record, hasKeys: true)
    }

    /// All accounts as they are.
    func review(_ records: [AccountRecord]) {
        let lacking = records.filter { lacksKeys(of: $0) && $0.enabled }.map(\.id)
        state.withLock { $0.lacking = Set(lacking) }
    }

    /// One account as it is; nil: it is no more.
    func review(_ id: AccountID, _ record: AccountRecord?) {
        guard let record else {
            return state.withLock { state in
                state.lacking?.remove(id)
                state.kept[id] = nil
            }
        }
        note(record, hasKeys: !lacksKeys(of: record))
    }

    private func note(_ record: AccountRecord, hasKeys: Bool) {
        state.withLock { state in
            state.kept[record.id] = hasKeys ? SCRAMKeys.reference(to: record.passwordHash) : nil
            if hasKeys || !record.enabled { state.lacking?.remove(record.id) } else { state.lacking?.insert(record.id) }
        }
    }

    private static func key(_ account: AccountID) -> String { "\(account.rawValue)" }
}
