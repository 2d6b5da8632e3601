package import MailModel
package import SenderTrust
package import Storage

/// The keys by which the domains of the house sign, in memory and as `KeyValueStore` keeps them, sealed.
///
/// - A key signs from when its record was seen in DNS, or from when an administrator says that it is there: a signature that nobody can verify is worth nothing.
/// - Of each algorithm one key of a domain signs. The one before signs no more when the next one begins, so that nothing is signed twice or not at all.
/// - The record of a key that signs no more is needed for `SigningKey.retirement`; then the key is destroyed.
/// - Domains are named as DNS has them (A-labels). What is answered is as of the last change that is durable; changes come one after the other.
package actor SigningKeys {
    /// Makes a key, which burns up to seconds of a core: on a thread that nobody waits on.
    package typealias Making = @Sendable (DKIMAlgorithm) async throws -> DKIMKey

    private let store: any KeyValueStore
    private let clock: Timestamp.Clock
    private let make: Making
    /// As they are kept and as they are read, by domain; nil: they are read when somebody asks.
    private var known: [String: (octets: [UInt8], keys: [SigningKey])] = [:]
    /// There are some, as far as was looked.
    private var hasSome = false
    private var isChanging = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Of a domain, with those that are destroyed and still known.
    package static let most = 32

    package init(store: any KeyValueStore, clock: @escaping Timestamp.Clock, make: @escaping Making) {
        self.store = store
        self.clock = clock
        self.make = make
    }

    // MARK: Looking

    /// In the order in which they were made; none: the domain has none. `corrupt`.
    package func keys(of domain: Domain) throws -> [SigningKey] { try read(SigningKeys.name(domain))?.keys ?? [] }

    /// No domain has any, or has had any lately.
    package var isEmpty: Bool {
        get throws {
            if !hasSome { hasSome = try !store.values(in: .signingKeys).isEmpty }
            return !hasSome
        }
    }

    /// Domains with keys, in order of name. `corrupt`.
    package func domains() throws -> [Domain] { try store.values(in: .signingKeys).keys.compactMap { Domain($0) }.sorted() }

    /// Those that sign, RSA first: what reads one signature alone reads that. `corrupt`.
    package func signing(for domain: Domain) throws -> [(selector: String, key: DKIMKey)] {
        try keys(of: domain).filter { $0.state == .active }.sorted { $0.algorithm.order < $1.algorithm.order }.compactMap { key in
            key.key.map { (key.selector, $0) }
        }
    }

    private static func name(_ domain: Domain) -> String { (domain.asciiForm ?? domain).value }

    private func read(_ name: String) throws -> (octets: [UInt8], keys: [SigningKey])? {
        guard let octets = try store.value(of: name, in: .signingKeys) else {
            known[name] = nil
            return nil
        }
        if let known = known[name], known.octets == octets { return known }
        let keys = try StoredJSON.decode(StoredSigningKeys.self, octets).read(name)
        known[name] = (octets, keys)
        return (octets, keys)
    }

    // MARK: Changing

    /// Makes a `pending` key of each of those algorithms. `notAllowed`.
    /// - parameter selector: for one algorithm; nil: the day's.
    package func generate(_ algorithms: [DKIMAlgorithm], selector: String? = nil, for domain: Domain) async throws -> [SigningKey] {
        if selector != nil, algorithms.count != 1 { throw SigningFault.notAllowed("one selector is for one key") }
        var made: [DKIMKey] = []
        for algorithm in algorithms { made.append(try await make(algorithm)) }
        return try await add(made, selector: selector, to: domain)
    }

    /// Both kinds where the domain has no keys at all; answers whether it had none. `notAllowed`.
    package func generateFirst(for domain: Domain) async throws -> Bool {
        guard try keys(of: domain).isEmpty else { return false }
        var made: [DKIMKey] = []
        for algorithm in DKIMAlgorithm.allCases { made.append(try await make(algorithm)) }
        // Somebody else may have been quicker.
        return try await change(domain) { [clock, made] keys in
            guard keys.isEmpty else { return false }
            for key in made { SigningKeys.add(key, selector: nil, to: &keys, at: clock()) }
            return true
        }
    }

    /// Makes `pending` keys of the algorithms that sign, of both where none does, but of those that have one already; answers the new ones.
    package func generateNext(for domain: Domain) async throws -> [SigningKey] {
        let keys = try keys(of: domain)
        let signing = Set(keys.filter { $0.state == .active }.map(\.algorithm))
        let wanted = DKIMAlgorithm.allCases.filter { algorithm in
            (signing.isEmpty || signing.contains(algorithm)) && !keys.contains { $0.algorithm == algorithm && $0.state == .pending }
        }
        return try await generate(wanted, for: domain)
    }

    /// `pending`. `notAllowed` where the selector is taken.
    package func add(_ new: [DKIMKey], selector: String?, to domain: Domain) async throws -> [SigningKey] {
        try await change(domain) { [clock] keys in
            if let selector, keys.contains(where: { $0.selector == selector }) { throw SigningFault.notAllowed("the selector \(selector) is taken") }
            for key in new { SigningKeys.add(key, selector: selector, to: &keys, at: clock()) }
            guard keys.count <= SigningKeys.most else { throw SigningFault.notAllowed("a domain has \(SigningKeys.most) keys at most; remove some") }
            return Array(keys.suffix(new.count))
        }
    }

    private static func add(_ key: DKIMKey, selector: String?, to keys: inout [SigningKey], at now: Timestamp) {
        let known = keys
        let name = selector ?? SigningKey.selector(key.algorithm, at: now) { name in known.contains { $0.selector == name } }
        keys.append(SigningKey(selector: name, algorithm: key.algorithm, made: now, state: .pending, since: now, key: key))
    }

    /// It signs from now on, in the place of the one of its algorithm that did. One that retires may come back. `noSuchKey`; `notAllowed` for one that is destroyed.
    @discardableResult
    package func activate(_ selector: String, of domain: Domain) async throws -> SigningKey {
        try await change(domain) { [clock] keys in
            let place = try SigningKeys.place(of: selector, in: keys)
            guard keys[place].state != .revoked else { throw SigningFault.notAllowed("the key \(selector) is destroyed") }
            guard keys[place].state != .active else { return keys[place] }
            for other in keys.indices where keys[other].algorithm == keys[place].algorithm && keys[other].state == .active {
                (keys[other].state, keys[other].since) = (.retiring, clock())
            }
            (keys[place].state, keys[place].since) = (.active, clock())
            return keys[place]
        }
    }

    /// One that has signed is destroyed, and remembered until its record is gone; of others nothing stays. `noSuchKey`.
    package func remove(_ selector: String, of domain: Domain) async throws {
        try await change(domain) { [clock] keys in
            let place = try SigningKeys.place(of: selector, in: keys)
            switch keys[place].state {
            case .pending, .revoked: keys.remove(at: place)
            case .active, .retiring: keys[place].revoke(at: clock())
            }
        }
    }

    /// All of a domain that is ours no more.
    package func removeAll(of domain: Domain) async throws { try await store.change([KeyValueChange(.signingKeys, SigningKeys.name(domain), nil)]) }

    /// The record of a destroyed key is gone: it is forgotten, after `SigningKey.caution`.
    package func forget(_ selector: String, of domain: Domain) async throws {
        let now = clock().rawValue
        try await change(domain) { keys in
            keys.removeAll { $0.selector == selector && $0.state == .revoked && now >= $0.since.rawValue + SigningKey.caution }
        }
    }

    /// Destroys what has retired for long enough, and forgets what was destroyed long ago. Answers the selectors of those that it destroyed.
    package func tidy(_ domain: Domain) async throws -> [String] {
        let now = clock().rawValue
        return try await change(domain) { keys in
            var destroyed: [String] = []
            for place in keys.indices where keys[place].state == .retiring && now >= keys[place].since.rawValue + SigningKey.retirement {
                keys[place].revoke(at: Timestamp(rawValue: now))
                destroyed.append(keys[place].selector)
            }
            keys.removeAll { $0.state == .revoked && now >= $0.since.rawValue + SigningKey.remembrance }
            return destroyed
        }
    }

    private static func place(of selector: String, in keys: [SigningKey]) throws -> Int {
        guard let place = keys.firstIndex(where: { $0.selector == selector.lowercased() }) else { throw SigningFault.noSuchKey(selector) }
        return place
    }

    /// Works out a change of a domain's keys and has it kept, where they are what they were. One after the other.
    private func change<Value: Sendable>(_ domain: Domain, _ work: @Sendable (inout [SigningKey]) throws -> Value) async throws -> Value {
        if isChanging {
            await withCheckedContinuation { waiting.append($0) }
        } else {
            isChanging = true
        }
        defer {
            if waiting.isEmpty { isChanging = false } else { waiting.removeFirst().resume() }
        }
        let name = SigningKeys.name(domain)
        let before = try read(name)
        var keys = before?.keys ?? []
        let value = try work(&keys)
        let octets = keys.isEmpty ? nil : try StoredJSON.encode(StoredSigningKeys(keys))
        guard octets != before?.octets else { return value }
        try await store.change([KeyValueChange(.signingKeys, name, octets, expecting: before.map { .value($0.octets) } ?? .absence)])
        return value
    }
}

extension SigningKey {
    fileprivate mutating func revoke(at time: Timestamp) {
        (state, since) = (.revoked, time)
        key = nil
    }
}

extension DKIMAlgorithm {
    fileprivate var order: Int { self == .rsaSHA256 ? 0 : 1 }
}
