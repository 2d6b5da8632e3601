package import MailModel
package import Storage

/// The lists of the house with their members, in memory and as `KeyValueStore` keeps them.
///
/// - What is answered is as of the last change that is durable. Changes come one after the other.
/// - A list of which something cannot be read is `corrupt`, whoever asks for it; the others are none the worse.
package actor ListRegister {
    private let store: any KeyValueStore
    package nonisolated let tokens: ListTokens
    private let clock: Timestamp.Clock

    struct Entry {
        var list: MailingList
        /// By `MailingList.key` of their addresses.
        var members: [String: ListMember] = [:]
        var numbers: [UInt32: String] = [:]

        mutating func put(_ member: ListMember) {
            let key = MailingList.key(member.address)
            members[key] = member
            numbers[member.number] = key
        }
    }

    struct State {
        var entries: [String: Entry] = [:]
        var unreadable: Set<String> = []
        /// By token.
        var wishes: [String: ListWish] = [:]
        /// Posts that wait for an owner, and since when; by list.
        var held: [String: [QueueID: Timestamp]] = [:]
    }

    /// Nil until somebody asks.
    private var known: State?
    private var isChanging = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    package init(store: any KeyValueStore, tokens: ListTokens, clock: @escaping Timestamp.Clock) {
        self.store = store
        self.tokens = tokens
        self.clock = clock
    }

    var now: Timestamp { clock() }

    func state() throws -> State {
        if let known { return known }
        var state = State()
        for (key, octets) in try store.values(in: .mailingLists) {
            guard let list = ListRegister.read(StoredList.self, octets)?.list, list.key == key else {
                state.unreadable.insert(key)
                continue
            }
            state.entries[key] = Entry(list: list)
        }
        for (key, octets) in try store.values(in: .listMembers) {
            let list = key.split(separator: " ").first.map { String($0) } ?? key
            guard let member = ListRegister.read(StoredMember.self, octets)?.member else {
                state.unreadable.insert(list)
                continue
            }
            state.entries[list]?.put(member)
        }
        for (key, octets) in try store.values(in: .listState) {
            let pieces = key.split(separator: " ")
            guard pieces.count == 2 else { continue }
            // Without it somebody asks once more, or an owner finds the post in the queue.
            switch pieces[0] {
            case "wish": state.wishes[String(pieces[1])] = ListRegister.read(StoredWish.self, octets)?.wish
            case "held":
                guard let hold = ListRegister.read(StoredHold.self, octets), let number = Int64(pieces[1]) else { continue }
                state.held[hold.list, default: [:]][QueueID(rawValue: number)] = Timestamp(rawValue: hold.since)
            default: continue
            }
        }
        known = state
        return state
    }

    /// Nil: it cannot be read.
    private static func read<Value: Decodable>(_ type: Value.Type, _ octets: [UInt8]) -> Value? {
        // try?: who asks for what it was part of is told.
        try? StoredJSON.decode(type, octets)
    }

    // MARK: Looking

    func entry(_ key: String) throws -> Entry? {
        let state = try state()
        guard !state.unreadable.contains(key) else { throw StorageFault.corrupt("the list \(key), or one of its members") }
        return state.entries[key]
    }

    /// What mail for an address is to do with a list; nil: nothing. A word that we have not written is nobody's address. `corrupt`.
    package func door(_ address: Address) throws -> ListDoor? {
        if let entry = try entry(MailingList.key(address)) { return ListDoor(list: entry.list, purpose: .post) }
        guard let local = ListLocalPart(address.localPart), let name = Address(localPart: local.name, domain: address.domain),
            let list = try entry(MailingList.key(name))?.list, let purpose = ListDoor.Purpose(local.role, local.token, of: list, tokens)
        else { return nil }
        return ListDoor(list: list, purpose: purpose)
    }

    /// Whether an address is a list's, or would be with a token.
    func claims(_ address: Address) throws -> Bool {
        if try entry(MailingList.key(address)) != nil { return true }
        let pieces = address.localPart.lowercased().split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        for role in ListRole.allCases where pieces[0].hasSuffix("-\(role.rawValue)") {
            guard let name = Address(localPart: String(pieces[0].dropLast(role.rawValue.utf8.count + 1)), domain: address.domain) else { continue }
            if try entry(MailingList.key(name)) != nil { return true }
        }
        return false
    }

    /// In order of address.
    package func lists() throws -> [(list: MailingList, members: Int)] {
        try state().entries.values.map { ($0.list, $0.members.count) }.sorted { $0.list.key < $1.list.key }
    }

    /// Nil: there is no such list.
    package func list(_ address: Address) throws -> MailingList? { try entry(MailingList.key(address))?.list }

    /// In the order in which they joined. `noSuchList`.
    package func members(of address: Address) throws -> [ListMember] {
        guard let entry = try entry(MailingList.key(address)) else { throw ListFault.noSuchList }
        return entry.members.values.sorted { $0.number < $1.number }
    }

    func member(_ author: Address, of list: MailingList) throws -> ListMember? { try entry(list.key)?.members[MailingList.key(author)] }

    func member(_ number: UInt32, of list: MailingList) throws -> ListMember? {
        guard let entry = try entry(list.key), let key = entry.numbers[number] else { return nil }
        return entry.members[key]
    }

    // MARK: Changing

    /// Works out a change, has it kept, and then knows it. One after the other.
    func change<Value: Sendable>(_ work: (inout State) throws -> (changes: [KeyValueChange], value: Value)) async throws -> Value {
        if isChanging {
            await withCheckedContinuation { waiting.append($0) }
        } else {
            isChanging = true
        }
        defer {
            if waiting.isEmpty { isChanging = false } else { waiting.removeFirst().resume() }
        }
        var state = try state()
        let (changes, value) = try work(&state)
        if !changes.isEmpty { try await store.change(changes) }
        known = state
        return value
    }

    /// Under which its members are kept, those too that cannot be read.
    func memberKeys(ofList key: String) throws -> [String] { try store.values(in: .listMembers).keys.filter { $0.hasPrefix(key + " ") } }

    static func change(_ list: MailingList, expecting expected: KeyValueChange.Expectation = .anything) throws -> KeyValueChange {
        KeyValueChange(.mailingLists, list.key, try StoredJSON.encode(StoredList(list)), expecting: expected)
    }

    static func key(_ member: ListMember, of list: MailingList) -> String { "\(list.key) \(MailingList.key(member.address))" }

    static func change(_ member: ListMember, of list: MailingList) throws -> KeyValueChange {
        KeyValueChange(.listMembers, key(member, of: list), try StoredJSON.encode(StoredMember(member)))
    }
}

/// Why something is not done with a list.
package enum ListFault: Error, Hashable, Sendable, CustomStringConvertible {
    case noSuchList
    case noSuchMember(String)
    /// In words for an administrator.
    case notAllowed(String)

    package var isAbsence: Bool { if case .notAllowed = self { false } else { true } }

    package var description: String {
        switch self {
        case .noSuchList: "there is no such list; martlet list add makes it"
        case .noSuchMember(let address): "\(address) is not on the list"
        case .notAllowed(let reason): reason
        }
    }
}
