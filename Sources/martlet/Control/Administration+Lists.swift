import MailModel
import PostOffice
import Storage

// Lists of members.
extension Administration {
    /// Members of an answer, and of an order that adds them: both stay far below `ControlLine.longest`.
    static let listedMembers = 2_000

    func carryOut(_ order: ListOrder) async throws -> OrderResult {
        switch order {
        case .add(let address, let settings):
            return .lists(lines: [try await line(try await directory.add(list: address, try Administration.change(settings), at: SystemClock.now()))])
        case .set(let address, let settings):
            return .lists(lines: [try await line(try await directory.change(list: address, try Administration.change(settings)))])
        case .show(let address): return .lists(lines: [try await line(try await directory.list(address))])
        case .list:
            let lists = try await directory.lists?.lists() ?? []
            return .lists(lines: lists.map { Administration.line($0.list, members: $0.members) })
        case .remove(let address):
            try await directory.remove(list: address)
            return .done
        case .addMembers(let list, let members, let mayPost):
            guard members.count <= Administration.listedMembers else { throw StorageFault.notAllowed("too many members at once") }
            return .membersAdded(addresses: try await directory.add(members: members, mayPost: mayPost, to: list).map(\.written))
        case .members(let list, let after): return .listMembers(page: try await members(of: list, after: after))
        case .changeMember(let list, let member, let change):
            switch change {
            case .remove: try await directory.remove(member: member, from: list)
            case .suspend: try await directory.suspend(member: member, of: list, at: SystemClock.now())
            case .resume: try await directory.resume(member: member, of: list)
            case .moderate: try await directory.set(mayPost: false, ofMember: member, of: list)
            case .trust: try await directory.set(mayPost: true, ofMember: member, of: list)
            }
            return .done
        }
    }

    private static func change(_ settings: ListSettings) throws -> ListChange {
        func value<Value: RawRepresentable<String>>(_ text: String?, _ words: String) throws -> Value? {
            guard let text else { return nil }
            guard let value = Value(rawValue: text) else { throw StorageFault.notAllowed("\"\(text)\" is not \(words)") }
            return value
        }
        var change = ListChange()
        change.name = settings.name
        change.owners = settings.owners
        change.posters = try value(settings.posters, "anyone, members or owners")
        change.others = try value(settings.others, "moderated or refused")
        change.joining = try value(settings.joining, "confirmed or closed")
        return change
    }

    private func line(_ list: MailingList) async throws -> ListLine {
        Administration.line(list, members: try await directory.lists?.members(of: list.address).count ?? 0)
    }

    private static func line(_ list: MailingList, members: Int) -> ListLine {
        ListLine(
            address: list.address.written, name: list.name, owners: list.owners.map(\.written), posters: list.posters.rawValue, others: list.others.rawValue,
            joining: list.joining.rawValue, created: list.created.description, members: members)
    }

    private func members(of text: String, after: UInt32?) async throws -> ListMemberPage {
        let list = try await directory.list(text)
        let rest = try await directory.lists?.members(of: list.address).drop { $0.number <= after ?? 0 } ?? []
        let page = rest.prefix(Administration.listedMembers)
        return ListMemberPage(lines: page.map(ListMemberLine.init), next: page.count < rest.count ? page.last?.number : nil)
    }
}

extension ListMemberLine {
    fileprivate init(_ member: ListMember) {
        self.init(
            address: member.address.written, number: member.number,
            state: member.suspension != nil ? "suspended" : member.failing != nil ? "failing" : "active", mayPost: member.mayPost,
            joined: member.joined.description, suspended: member.suspension?.at.description, failingSince: member.failing?.since.description,
            reason: member.failing?.reason)
    }
}
