package import MailModel

/// A list of members: an address whose mail goes to all of them.
package struct MailingList: Hashable, Sendable {
    /// Whose posts go to the members at once.
    package enum Posters: String, Hashable, Sendable, CaseIterable {
        case anyone, members, owners
    }

    /// What becomes of posts by others.
    package enum Others: String, Hashable, Sendable, CaseIterable {
        /// An owner decides.
        case moderated
        case refused
    }

    /// How one becomes a member by mail.
    package enum Joining: String, Hashable, Sendable, CaseIterable {
        /// Who answers the letter that is sent to the address.
        case confirmed
        /// Only an administrator makes members; the owners are told who asks.
        case closed
    }

    package let address: Address
    /// What the list is called in List-Id and in letters; one line, `mostName` octets at most, and it may be empty.
    package var name: String
    /// One at least; in the order in which they were given.
    package var owners: [Address]
    package var posters: Posters
    package var others: Others
    package var joining: Joining
    package let created: Timestamp
    /// Of the next member; 1 is the first. None is given twice.
    package var nextNumber: UInt32

    package init(
        address: Address, name: String = "", owners: [Address], posters: Posters = .members, others: Others = .moderated, joining: Joining = .confirmed,
        created: Timestamp, nextNumber: UInt32 = 1
    ) {
        self.address = address
        self.name = name
        self.owners = owners
        self.posters = posters
        self.others = others
        self.joining = joining
        self.created = created
        self.nextNumber = nextNumber
    }

    /// Octets of a name, and of a list's local part: so much that its addresses with tokens stay within 64 (RFC 5321 §4.5.3.1.1).
    package static let mostName = 200
    package static let longestLocalPart = 29
    package static let mostOwners = 20
    package static let mostMembers = 20_000

    var key: String { MailingList.key(address) }

    /// One form of an address, whose case and whose domain's form do not count.
    package static func key(_ address: Address) -> String {
        "\(address.localPart.lowercased())@\((address.domain.asciiForm ?? address.domain).value)"
    }

    // list-id = list-label "." list-id-namespace                          (RFC 2919 §2)
    /// What the list is called for ever, in lower case.
    package var identifier: String { "\(address.localPart.lowercased()).\((address.domain.asciiForm ?? address.domain).value)" }

    /// `LIST-request@example.org`, with a token `LIST-accept+TOKEN@example.org`.
    package func address(_ role: ListRole, token: String? = nil) -> Address {
        let local = "\(address.localPart.lowercased())-\(role.rawValue)\(token.map { "+\($0)" } ?? "")"
        // A local part of letters, digits, dots and hyphens is one.
        return Address(localPart: local, domain: address.domain.asciiForm ?? address.domain) ?? address
    }

    /// An address of the list as its own domain is written.
    func inDomain(_ address: Address) -> Address { Address(localPart: address.localPart, domain: self.address.domain) ?? address }

    func isOwner(_ author: Address) -> Bool { owners.contains { MailingList.key($0) == MailingList.key(author) } }
}

/// What an address of a list beside its own is for: `LIST-owner`. Those with a token are letters' to name, and nobody's without.
package enum ListRole: String, Hashable, Sendable, CaseIterable {
    case owner, request, bounces, leave, confirm, accept, reject

    var hasToken: Bool { self != .owner && self != .request }
}

/// One to whom a list's posts go.
package struct ListMember: Hashable, Sendable {
    /// Mail to the member comes back.
    package struct Failing: Hashable, Sendable {
        package var since: Timestamp
        package var last: Timestamp
        /// What was said last. One line, 300 octets at most.
        package var reason: String
        /// A post that was sent at that time was taken by the member's server meanwhile, and has not come back yet.
        package var taken: Timestamp?
        /// When the owners were shown what came back, and which entry of the queue brought it.
        package var told: Timestamp
        package var toldBy: QueueID
        /// When those posts were sent that have come back: the first ones, `ListMember.leastPosts` at most.
        package var posts: [Timestamp] = []
    }

    package struct Suspension: Hashable, Sendable {
        package let at: Timestamp
        /// The entry of the queue that brought the failure for which it is; nil: an administrator did it.
        package let cause: QueueID?
    }

    package let address: Address
    package let number: UInt32
    package let joined: Timestamp
    /// False: posts go to the owners first.
    package var mayPost: Bool
    /// Gets no posts.
    package var suspension: Suspension?
    package var failing: Failing?

    package init(
        address: Address, number: UInt32, joined: Timestamp, mayPost: Bool = true, suspension: Suspension? = nil, failing: Failing? = nil
    ) {
        self.address = address
        self.number = number
        self.joined = joined
        self.mayPost = mayPost
        self.suspension = suspension
        self.failing = failing
    }
}
