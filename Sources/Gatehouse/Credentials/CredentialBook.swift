import Crypto
package import MailModel
package import Storage
import Synchronization

/// What opens an account beside its password, or keeps the password from opening it: app passwords, the second factor, a demand for another password.
///
/// What is kept is sealed in a `KeyValueStore`; secrets are kept as keyed hashes, or, where they must be computed with (TOTP), within the seal. All that changes
/// is durable on return and changed only from what was read, so that two that change one thing at a time do not both succeed. Throws what the store throws;
/// what cannot be read is `corrupt`, never absence.
package final class CredentialBook: Sendable {
    private let store: any KeyValueStore
    private let key: SymmetricKey
    private let clock: Timestamp.Clock
    private let random: RandomOctets
    /// Uses that are not written yet, by key.
    private let uses = Mutex<[String: AppPassword.Use]>([:])

    /// Whether there are app passwords; as of the last change, so that it costs nothing to ask.
    private let appPasswordsExist: Atomic<Bool>

    /// A use is written when the written one is so much older, in seconds, or was of another kind.
    private static let useGrain: Int64 = 3_600
    private static let recoveryCodes = 10

    /// - parameter secret: 32 octets of this server's alone, under which secrets are hashed.
    package init(store: any KeyValueStore, secret: [UInt8], clock: @escaping Timestamp.Clock, random: @escaping RandomOctets = systemRandom) {
        self.store = store
        key = SymmetricKey(data: secret)
        self.clock = clock
        self.random = random
        // try?: where they cannot be read there may be some.
        appPasswordsExist = Atomic((try? store.values(in: .appPasswords).isEmpty) != true)
    }

    /// Whether any account has app passwords.
    var hasAppPasswords: Bool { appPasswordsExist.load(ordering: .relaxed) }

    private func reviewAppPasswords() throws { appPasswordsExist.store(try !store.values(in: .appPasswords).isEmpty, ordering: .relaxed) }
}

// App passwords.
extension CredentialBook {
    /// In order of their making, to the second.
    func appPasswords(of account: AccountID) throws -> [AppPassword] {
        try all(of: account).map { key, value in
            var app = try value.appPassword()
            if let use = uses.withLock({ $0[key] }), use.time.rawValue > app.lastUse?.time.rawValue ?? .min { app.lastUse = use }
            return app
        }.sorted { ($0.created, $0.id) < ($1.created, $1.id) }
    }

    /// `written`: the secret, in groups; it cannot be had again.
    func addAppPassword(_ label: String, _ scope: AppPassword.Scope, expires: Timestamp?, of account: AccountID) async throws -> (AppPassword, written: String)
    {
        guard (1...AppPassword.longestLabel).contains(label.count), CredentialBook.canBeShown(label) else { throw CredentialFault.label }
        let now = clock()
        if let expires, expires <= now { throw CredentialFault.expired }
        guard try all(of: account).count < AppPassword.most else { throw CredentialFault.tooMany }
        let secret = AppPasswordSecret(random: random)
        let id = String(AppPasswordSecret(random: random).written.prefix(9).filter { $0 != "-" })
        let app = AppPassword(id: id, label: label, scope: scope, created: now, expires: expires)
        try await store.change([KeyValueChange(.appPasswords, key(secret, account), try Stored(app).json(), expecting: .absence)])
        appPasswordsExist.store(true, ordering: .relaxed)
        return (app, secret.written)
    }

    /// `CredentialFault.noSuchAppPassword`.
    func removeAppPassword(_ id: String, of account: AccountID) async throws {
        guard let key = try all(of: account).first(where: { $0.value.id == id })?.key else { throw CredentialFault.noSuchAppPassword(id) }
        try await store.change([KeyValueChange(.appPasswords, key, nil)])
        try reviewAppPasswords()
        _ = uses.withLock { $0.removeValue(forKey: key) }
    }

    /// The one whose secret that is, whatever it is good for; nil: none of this account.
    func appPassword(_ password: Password, of account: AccountID) throws -> AppPassword? {
        guard let secret = AppPasswordSecret(password) else { return nil }
        guard let value = try store.value(of: key(secret, account), in: .appPasswords) else { return nil }
        return try Stored.read(value).appPassword()
    }

    /// It has opened something. Written with others later (`writeUses`).
    func note(useOf password: Password, of account: AccountID, over protocolName: ProtocolName, from peer: String) {
        guard let secret = AppPasswordSecret(password) else { return }
        let use = AppPassword.Use(time: clock(), protocolName: protocolName, peer: String(peer.prefix(64)))
        uses.withLock { $0[key(secret, account)] = use }
    }

    /// Writes down the uses that are worth it: those of the last hour are one.
    package func writeUses() async throws {
        let pending = uses.withLock { $0 }
        var changes: [KeyValueChange] = []
        for (key, use) in pending {
            guard let old = try store.value(of: key, in: .appPasswords) else {
                _ = uses.withLock { $0.removeValue(forKey: key) }
                continue
            }
            var stored = try Stored.read(old)
            if let last = stored.lastUse, last.protocolName == use.protocolName.rawValue, last.peer == use.peer,
                use.time.rawValue - last.time < CredentialBook.useGrain
            {
                continue
            }
            stored.lastUse = Stored.Use(time: use.time.rawValue, protocolName: use.protocolName.rawValue, peer: use.peer)
            changes.append(KeyValueChange(.appPasswords, key, try stored.json(), expecting: .value(old)))
        }
        guard !changes.isEmpty else { return }
        try await store.change(changes)
    }

    /// Without what ends a line, turns its direction or cannot be seen.
    private static func canBeShown(_ label: String) -> Bool {
        label.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
            default: true
            }
        } && label.contains { !$0.isWhitespace }
    }

    private func all(of account: AccountID) throws -> [(key: String, value: Stored)] {
        let prefix = "\(account.rawValue)/"
        return try store.values(in: .appPasswords).filter { $0.key.hasPrefix(prefix) }.map { ($0.key, try Stored.read($0.value)) }
    }

    private func key(_ secret: AppPasswordSecret, _ account: AccountID) -> String {
        "\(account.rawValue)/" + CredentialBook.hexadecimal(hash("app password", account, secret.letters))
    }

    /// How an app password is kept.
    private struct Stored: Codable {
        struct Use: Codable {
            var time: Int64
            var protocolName: String
            var peer: String
        }

        var id: String
        var label: String
        var protocols: [String]?
        var networks: String?
        var created: Int64
        var expires: Int64?
        var lastUse: Use?

        init(_ app: AppPassword) {
            id = app.id
            label = app.label
            protocols = app.scope.protocols.map { $0.map(\.rawValue).sorted() }
            networks = app.scope.networks
            created = app.created.rawValue
            expires = app.expires?.rawValue
        }

        func appPassword() throws -> AppPassword {
            // What is not known here, as after a step back to an older program, opens nothing rather than everything.
            let known = protocols.map { Set($0.compactMap(ProtocolName.init)) }
            guard known?.isEmpty != true else { throw StorageFault.corrupt("an app password for no protocol that is known") }
            return AppPassword(
                id: id, label: label, scope: try AppPassword.Scope(protocols: known, networks: networks), created: Timestamp(rawValue: created),
                expires: expires.map(Timestamp.init),
                lastUse: lastUse.flatMap { use in
                    ProtocolName(rawValue: use.protocolName).map { AppPassword.Use(time: Timestamp(rawValue: use.time), protocolName: $0, peer: use.peer) }
                })
        }

        func json() throws -> [UInt8] { try StoredJSON.encode(self) }
        static func read(_ octets: [UInt8]) throws -> Stored { try StoredJSON.decode(Stored.self, octets) }
    }
}

// The second factor, and the demand for another password.
extension CredentialBook {
    /// Whether the password opens nothing but what asks for a second factor too; app passwords open the rest.
    func hasSecondFactor(_ account: AccountID) throws -> Bool { try security(of: account).value.totp?.confirmed != nil }

    func mustReset(_ account: AccountID) throws -> Bool { try security(of: account).value.mustReset == true }

    func status(of account: AccountID) throws -> SecondFactorStatus {
        let totp = try security(of: account).value.totp
        return SecondFactorStatus(
            isOn: totp?.confirmed != nil, isPending: totp != nil && totp?.confirmed == nil,
            recoveryCodes: totp?.confirmed == nil ? 0 : totp?.recovery.count ?? 0)
    }

    /// A new secret, which demands nothing before `confirm`. One that waits is forgotten; `CredentialFault.secondFactorIsOn`.
    func enroll(_ account: AccountID) async throws -> TOTP {
        let totp = TOTP(secret: random(TOTP.secretLength))
        try await change(account) { security in
            guard security.totp?.confirmed == nil else { throw CredentialFault.secondFactorIsOn }
            security.totp = AccountSecurity.SecondFactor(secret: totp.secret)
        }
        return totp
    }

    /// Its first code has been shown: from now on it is on. The recovery codes, each good once in the place of a code.
    /// `CredentialFault.nothingToConfirm`, `.secondFactorIsOn`, `.wrongCode`.
    func confirm(_ code: String, of account: AccountID) async throws -> [String] {
        let codes = newRecoveryCodes()
        let now = clock()
        try await change(account) { security in
            guard var totp = security.totp else { throw CredentialFault.nothingToConfirm }
            guard totp.confirmed == nil else { throw CredentialFault.secondFactorIsOn }
            guard let step = TOTP(secret: totp.secret).step(of: CredentialBook.plain(code), at: now, after: nil) else { throw CredentialFault.wrongCode }
            totp.confirmed = now.rawValue
            totp.lastStep = step
            totp.recovery = codes.map { self.hash("recovery code", account, Array(CredentialBook.plain($0).utf8)) }
            security.totp = totp
        }
        return codes
    }

    /// Takes a code, or a recovery code, which is used up by it: of two that come with one code at once, one is refused.
    /// `CredentialFault.secondFactorIsOff`, `.wrongCode`.
    func take(_ code: String, of account: AccountID) async throws {
        let now = clock()
        let plain = CredentialBook.plain(code)
        try await change(account) { security in
            guard var totp = security.totp, totp.confirmed != nil else { throw CredentialFault.secondFactorIsOff }
            if let step = TOTP(secret: totp.secret).step(of: plain, at: now, after: totp.lastStep) {
                totp.lastStep = step
            } else {
                let mark = self.hash("recovery code", account, Array(plain.utf8))
                guard let index = totp.recovery.firstIndex(where: { isEqualInConstantTime($0, mark) }) else { throw CredentialFault.wrongCode }
                totp.recovery.remove(at: index)
            }
            security.totp = totp
        }
    }

    /// Others, in the place of all that were left. `CredentialFault.secondFactorIsOff`.
    func renewRecoveryCodes(of account: AccountID) async throws -> [String] {
        let codes = newRecoveryCodes()
        try await change(account) { security in
            guard security.totp?.confirmed != nil else { throw CredentialFault.secondFactorIsOff }
            security.totp?.recovery = codes.map { self.hash("recovery code", account, Array(CredentialBook.plain($0).utf8)) }
        }
        return codes
    }

    /// The password is enough again. `CredentialFault.secondFactorIsOff` where none was on or waited.
    func disableSecondFactor(of account: AccountID) async throws {
        try await change(account) { security in
            guard security.totp != nil else { throw CredentialFault.secondFactorIsOff }
            security.totp = nil
        }
    }

    func set(mustReset: Bool, of account: AccountID) async throws {
        guard try self.mustReset(account) != mustReset else { return }
        try await change(account) { $0.mustReset = mustReset ? true : nil }
    }

    /// The account is removed.
    func forget(_ account: AccountID) async throws {
        let keys = try all(of: account).map(\.key)
        let security = try store.value(of: "\(account.rawValue)", in: .accountSecurity)
        let changes =
            keys.map { KeyValueChange(.appPasswords, $0, nil) } + (security == nil ? [] : [KeyValueChange(.accountSecurity, "\(account.rawValue)", nil)])
        guard !changes.isEmpty else { return }
        try await store.change(changes)
        try reviewAppPasswords()
        uses.withLock { uses in for key in keys { uses.removeValue(forKey: key) } }
    }

    private func security(of account: AccountID) throws -> (value: AccountSecurity, octets: [UInt8]?) {
        guard let octets = try store.value(of: "\(account.rawValue)", in: .accountSecurity) else { return (AccountSecurity(), nil) }
        return (try StoredJSON.decode(AccountSecurity.self, octets), octets)
    }

    /// Reads, changes and writes, and anew where somebody else was faster: what `body` looks at is what it changes.
    private func change(_ account: AccountID, _ body: (inout AccountSecurity) throws -> Void) async throws {
        while true {
            var (value, octets) = try security(of: account)
            try body(&value)
            let change = KeyValueChange(
                .accountSecurity, "\(account.rawValue)", value.isEmpty ? nil : try StoredJSON.encode(value), expecting: octets.map { .value($0) } ?? .absence)
            do {
                try await store.change([change])
                return
            } catch StorageFault.conflict, StorageFault.nameTaken {
                continue
            }
        }
    }

    /// Ten of 50 bits.
    private func newRecoveryCodes() -> [String] {
        (0..<CredentialBook.recoveryCodes).map { _ in
            let letters = AppPasswordSecret(random: random).letters.prefix(10)
            return String(decoding: letters.prefix(5), as: UTF8.self) + "-" + String(decoding: letters.suffix(5), as: UTF8.self)
        }
    }

    /// As people type codes: with spaces and hyphens, in any case.
    private static func plain(_ code: String) -> String { String(code.lowercased().filter { !$0.isWhitespace && $0 != "-" }.prefix(32)) }

    private func hash(_ kind: String, _ account: AccountID, _ secret: [UInt8]) -> [UInt8] {
        var mac = HMAC<SHA256>(key: key)
        mac.update(data: Array("\(kind) \(account.rawValue) ".utf8))
        mac.update(data: secret)
        return Array(mac.finalize())
    }

    private static func hexadecimal(_ octets: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return octets.reduce(into: "") { $0 += [digits[Int($1 >> 4)], digits[Int($1 & 15)]] }
    }
}
