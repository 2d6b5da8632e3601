package import MailModel
import Storage

/// What is to be otherwise with a list; nil: nothing.
package struct ListChange: Hashable, Sendable {
    package var name: String?
    /// Addresses.
    package var owners: [String]?
    package var posters: MailingList.Posters?
    package var others: MailingList.Others?
    package var joining: MailingList.Joining?

    package init() {}
}

// Lists, as an administrator makes and changes them. Names are NAME@DOMAIN, or a bare NAME of the default domain. All throw `ListFault`, `StorageFault`.
extension Directory {
    /// Those that every domain has (RFC 2142), and that may not be anybody's.
    private static let reserved: Set<String> = ["postmaster", "abuse", "hostmaster", "webmaster", "mailer-daemon", "root"]

    /// `nameTaken`, `noSuchDomain`.
    package func add(list text: String, _ change: ListChange, at now: Timestamp) async throws -> MailingList {
        let register = try listRegister()
        let address = try await listName(text)
        guard let owners = change.owners, !owners.isEmpty else { throw ListFault.notAllowed("a list has an owner at least") }
        var list = MailingList(address: address, owners: [], created: now)
        try Directory.apply(change, to: &list)
        for name in [address] + ListRole.allCases.map({ list.address($0) }) {
            switch try await meaning(of: name) {
            case .account(_, detail: nil), .list: throw StorageFault.nameTaken
            default: guard try !isAlias(name) else { throw StorageFault.nameTaken }
            }
        }
        try await register.add(list)
        return list
    }

    package func change(list text: String, _ change: ListChange) async throws -> MailingList {
        try await listRegister().change(try listAddress(text)) { try Directory.apply(change, to: &$0) }
    }

    /// With its members; what waits for its owners is discarded when its time is over.
    package func remove(list text: String) async throws { try await listRegister().remove(try listAddress(text)) }

    package func list(_ text: String) async throws -> MailingList {
        guard let list = try await listRegister().list(try listAddress(text)) else { throw ListFault.noSuchList }
        return list
    }

    /// Answers who is new.
    package func add(members: [String], mayPost: Bool, to text: String) async throws -> [Address] {
        let list = try await list(text)
        let addresses = try members.map(Directory.fitAddress)
        for address in addresses where try await reaches(address, list) {
            throw ListFault.notAllowed("\(address.written) is the list itself, or a list whose mail comes back to it")
        }
        return try await listRegister().add(members: addresses, mayPost: mayPost, to: list.address)
    }

    package func remove(member: String, from text: String) async throws {
        try await listRegister().remove(member: try Directory.fitAddress(member), from: try listAddress(text))
    }

    package func suspend(member: String, of text: String, at now: Timestamp) async throws {
        try await listRegister().change(member: try Directory.fitAddress(member), of: try listAddress(text)) {
            $0.suspension = $0.suspension ?? ListMember.Suspension(at: now, cause: nil)
        }
    }

    package func resume(member: String, of text: String) async throws {
        try await listRegister().change(member: try Directory.fitAddress(member), of: try listAddress(text)) { $0.resume() }
    }

    package func set(mayPost: Bool, ofMember member: String, of text: String) async throws {
        try await listRegister().change(member: try Directory.fitAddress(member), of: try listAddress(text)) { $0.mayPost = mayPost }
    }

    // MARK: Rules

    /// Whether an address is a list's, or would be with a token.
    func isOfList(_ address: Address) async throws -> Bool { try await lists?.claims(address) ?? false }

    func checkNoLists(in domain: Domain) async throws {
        guard let list = try await lists?.lists().first(where: { $0.list.address.domain == domain })?.list else { return }
        throw StorageFault.notAllowed("the domain has lists: \(list.address.written)")
    }

    func listRegister() throws -> ListRegister {
        guard let lists else { throw ListFault.notAllowed("there are no lists here") }
        return lists
    }

    private func listAddress(_ text: String) throws -> Address {
        guard let address = text.contains("@") ? Address(text) : addressHere(text) else {
            throw ListFault.notAllowed("\"\(text)\" is no address; say NAME@DOMAIN")
        }
        return address
    }

    /// Of a list that is to be made: in small letters, in a domain of ours.
    private func listName(_ text: String) async throws -> Address {
        let address = try listAddress(text)
        let local = address.localPart.lowercased()
        guard let domain = try await ownDomain(address.domain) else { throw StorageFault.noSuchDomain }
        guard domain.asciiForm != nil || domain.isASCII else { throw ListFault.notAllowed("a list's domain must have a name in ASCII") }
        let isPlain = local.utf8.allSatisfy { octet in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) || ".-_".utf8.contains(octet)
        }
        guard isPlain, let name = Address(localPart: local, domain: domain), name.isDotString, local.utf8.count <= MailingList.longestLocalPart else {
            throw ListFault.notAllowed("a list is called by letters, digits, dots, hyphens and underscores, \(MailingList.longestLocalPart) at most")
        }
        let isOfRole = ListRole.allCases.contains { local.hasSuffix("-\($0.rawValue)") }
        guard !isOfRole, !local.hasPrefix("srs0"), !local.hasPrefix("srs1"), !Directory.reserved.contains(local) else {
            throw ListFault.notAllowed("no list can be called \(local)")
        }
        return name
    }

    private static func apply(_ change: ListChange, to list: inout MailingList) throws {
        if let name = change.name {
            guard name.utf8.count <= MailingList.mostName, name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
                throw ListFault.notAllowed("a list's name is one line of \(MailingList.mostName) octets at most")
            }
            list.name = name
        }
        if let owners = change.owners {
            let addresses = try owners.map(fitAddress)
            guard (1...MailingList.mostOwners).contains(addresses.count), Set(addresses.map(MailingList.key)).count == addresses.count else {
                throw ListFault.notAllowed("a list has one owner to \(MailingList.mostOwners), each once")
            }
            let own = Set([list.key] + ListRole.allCases.map { MailingList.key(list.address($0)) })
            guard !addresses.contains(where: { own.contains(MailingList.key($0)) }) else { throw ListFault.notAllowed("a list does not own itself") }
            list.owners = addresses
        }
        list.posters = change.posters ?? list.posters
        list.others = change.others ?? list.others
        list.joining = change.joining ?? list.joining
    }

    private static func fitAddress(_ text: String) throws -> Address {
        guard let address = Address(text), ListMaster.isFit(address) else {
            throw ListFault.notAllowed("\"\(text)\" is no address that every server knows: letters, digits and the like before the @, a domain behind it")
        }
        return address
    }

    /// Whether mail to the address comes to the list, as far as it can be seen: by way of other lists here.
    private func reaches(_ address: Address, _ list: MailingList) async throws -> Bool {
        let register = try listRegister()
        var seen: Set<String> = []
        var next = [address]
        while let address = next.popLast() {
            guard let door = try await register.door(address) else { continue }
            if door.list.key == list.key { return true }
            guard door.purpose == .post, seen.insert(door.list.key).inserted else { continue }
            next += try await register.members(of: door.list.address).map(\.address)
        }
        return false
    }
}
