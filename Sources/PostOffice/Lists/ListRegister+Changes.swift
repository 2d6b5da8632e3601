import MailModel
import Storage

extension ListRegister {
    /// Rules about names are `Directory`'s. `nameTaken`.
    func add(_ list: MailingList) async throws {
        try await change { state in
            guard state.entries[list.key] == nil, !state.unreadable.contains(list.key) else { throw StorageFault.nameTaken }
            state.entries[list.key] = Entry(list: list)
            return (try [ListRegister.change(list, expecting: .absence)], ())
        }
    }

    /// Changes everything but the address, the members' numbers and the date. `noSuchList`.
    func change(_ address: Address, _ body: @Sendable (inout MailingList) throws -> Void) async throws -> MailingList {
        let key = MailingList.key(address)
        return try await change { state in
            guard var list = state.entries[key]?.list else { throw ListFault.noSuchList }
            try body(&list)
            state.entries[key]?.list = list
            return (try [ListRegister.change(list)], list)
        }
    }

    /// With its members, and the wishes that wait. Also one that cannot be read. `noSuchList`.
    func remove(_ address: Address) async throws {
        let key = MailingList.key(address)
        let members = try memberKeys(ofList: key)
        try await change { state in
            guard state.entries[key] != nil || state.unreadable.contains(key) else { throw ListFault.noSuchList }
            state.entries[key] = nil
            state.unreadable.remove(key)
            let wishes = state.wishes.filter { $0.value.list == key }
            for token in wishes.keys { state.wishes[token] = nil }
            var changes = [KeyValueChange(.mailingLists, key, nil)]
            for member in members { changes.append(KeyValueChange(.listMembers, member, nil)) }
            for token in wishes.keys { changes.append(KeyValueChange(.listState, "wish \(token)", nil)) }
            return (changes, ())
        }
    }

    /// Those who are members already stay as they are. Answers who is new. `noSuchList`; `notAllowed` for too many.
    func add(members: [Address], mayPost: Bool, to address: Address) async throws -> [Address] {
        let (key, now) = (MailingList.key(address), now)
        return try await change { state in
            guard var entry = state.entries[key] else { throw ListFault.noSuchList }
            var changes: [KeyValueChange] = []
            var new: [Address] = []
            for address in members where entry.members[MailingList.key(address)] == nil {
                let member = ListMember(address: address, number: entry.list.nextNumber, joined: now, mayPost: mayPost)
                guard entry.list.nextNumber < .max else { throw ListFault.notAllowed("the list has had too many members") }
                entry.list.nextNumber += 1
                entry.put(member)
                changes.append(try ListRegister.change(member, of: entry.list))
                new.append(address)
            }
            guard !new.isEmpty else { return ([], []) }
            guard entry.members.count <= MailingList.mostMembers else {
                throw ListFault.notAllowed("a list has \(MailingList.mostMembers) members at most")
            }
            state.entries[key] = entry
            return (try changes + [ListRegister.change(entry.list)], new)
        }
    }

    /// `noSuchList`, `noSuchMember`.
    @discardableResult
    func remove(member: Address, from address: Address) async throws -> ListMember {
        let (key, own) = (MailingList.key(address), MailingList.key(member))
        return try await change { state in
            guard let entry = state.entries[key] else { throw ListFault.noSuchList }
            guard let known = entry.members[own] else { throw ListFault.noSuchMember(member.written) }
            state.entries[key]?.members[own] = nil
            state.entries[key]?.numbers[known.number] = nil
            return ([KeyValueChange(.listMembers, ListRegister.key(known, of: entry.list), nil)], known)
        }
    }

    /// `noSuchList`, `noSuchMember`.
    @discardableResult
    func change<Value: Sendable>(
        member: Address, of address: Address, _ body: @Sendable (inout ListMember) throws -> Value
    ) async throws -> Value {
        let (key, own) = (MailingList.key(address), MailingList.key(member))
        return try await change { state in
            guard let entry = state.entries[key] else { throw ListFault.noSuchList }
            guard var known = entry.members[own] else { throw ListFault.noSuchMember(member.written) }
            let before = known
            let value = try body(&known)
            guard known != before else { return ([], value) }
            state.entries[key]?.members[own] = known
            return (try [ListRegister.change(known, of: entry.list)], value)
        }
    }

    // MARK: What waits

    /// Posts of a list that wait for an owner, where their senders can be told to come again; and where they cannot, for they went to others too.
    static let mostHeld = 100
    static let mostHeldOfAll = 200
    /// Wishes of one list that wait for an answer.
    static let mostWishes = 1_000

    func heldCount(_ list: MailingList) throws -> Int { try state().held[list.key]?.count ?? 0 }

    func holds(_ entry: QueueID, _ list: MailingList) async throws {
        let now = now
        try await change { state in
            guard state.held[list.key]?[entry] == nil else { return ([], ()) }
            state.held[list.key, default: [:]][entry] = now
            let value = try StoredJSON.encode(StoredHold(list: list.key, since: now.rawValue))
            return ([KeyValueChange(.listState, "held \(entry.rawValue)", value)], ())
        }
    }

    func holdsNoMore(_ entry: QueueID, _ list: MailingList) async throws { try await holdsNoMore(entry, key: list.key) }

    func holdsNoMore(_ entry: QueueID, key: String) async throws {
        try await change { state in
            guard state.held[key]?.removeValue(forKey: entry) != nil else { return ([], ()) }
            return ([KeyValueChange(.listState, "held \(entry.rawValue)", nil)], ())
        }
    }

    /// Posts that have waited since before that; nil: the list is gone.
    func held(before time: Timestamp) throws -> [(entry: QueueID, key: String, list: MailingList?)] {
        let state = try state()
        var found: [(entry: QueueID, key: String, list: MailingList?)] = []
        for (key, held) in state.held {
            for (entry, since) in held where since < time { found.append((entry, key, state.entries[key]?.list)) }
        }
        return found
    }

    /// The token by which somebody's wish is answered, and no other that the same one had before; nil: too many wait.
    func ask(_ kind: ListWish.Kind, _ address: Address, of list: MailingList) async throws -> String? {
        let wish = ListWish(kind: kind, list: list.key, address: address, asked: now)
        let token = tokens.confirm(wish.words, wish.asked, of: list)
        return try await change { state in
            let own = MailingList.key(address)
            var (waiting, replaced): (Int, [String]) = (0, [])
            for (known, wish) in state.wishes where known != token && wish.list == list.key {
                if MailingList.key(wish.address) == own { replaced.append(known) } else if !wish.isDone { waiting += 1 }
            }
            guard waiting < ListRegister.mostWishes else { return ([], nil) }
            for token in replaced { state.wishes[token] = nil }
            state.wishes[token] = wish
            let kept = KeyValueChange(.listState, "wish \(token)", try StoredJSON.encode(StoredWish(wish)))
            return (replaced.map { KeyValueChange(.listState, "wish \($0)", nil) } + [kept], token)
        }
    }

    func wish(_ token: String, of list: MailingList) throws -> ListWish? {
        guard let wish = try state().wishes[token], wish.list == list.key, now.rawValue - wish.asked.rawValue < ListWish.lifetime else { return nil }
        return wish
    }

    func answered(_ token: String) async throws {
        try await change { state in
            guard var wish = state.wishes[token], !wish.isDone else { return ([], ()) }
            wish.isDone = true
            state.wishes[token] = wish
            return ([KeyValueChange(.listState, "wish \(token)", try StoredJSON.encode(StoredWish(wish)))], ())
        }
    }

    /// Wishes that nobody has answered in time are forgotten.
    func tidy() async throws {
        let oldest = Timestamp(rawValue: now.rawValue - ListWish.lifetime)
        try await change { state in
            let old = state.wishes.filter { $0.value.asked < oldest }.keys
            for token in old { state.wishes[token] = nil }
            return (old.map { KeyValueChange(.listState, "wish \($0)", nil) }, ())
        }
    }
}
