package import MailModel

/// An address of a list: what is to be done with its mail.
package struct ListDoor: Hashable, Sendable {
    package enum Purpose: Hashable, Sendable {
        /// For the members.
        case post
        /// For the owners.
        case owner
        /// Words such as `subscribe`.
        case request
        /// A post that was sent at that time comes back from the member of that number; 0: what was sent to the owners.
        case bounce(UInt32, sent: Timestamp)
        /// The member of that number wants no more posts.
        case leave(UInt32)
        /// Somebody's wish is their own.
        case confirm(String)
        /// An owner lets a post go, or discards it.
        case accept(QueueID)
        case reject(QueueID)
    }

    package let list: MailingList
    package let purpose: Purpose
}

/// The name of a list and the rest of a local part: `dev-bounces+token`.
struct ListLocalPart: Hashable {
    let name: String
    let role: ListRole
    let token: String?

    /// Nil: it is no such name, with or without the token that its role has.
    init?(_ localPart: String) {
        let pieces = localPart.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        let stem = pieces[0].lowercased()
        guard let hyphen = stem.lastIndex(of: "-"), hyphen > stem.startIndex, let role = ListRole(rawValue: String(stem[stem.index(after: hyphen)...])),
            role.hasToken == (pieces.count == 2)
        else { return nil }
        name = String(stem[..<hyphen])
        self.role = role
        token = pieces.count == 2 ? String(pieces[1]) : nil
    }
}

extension ListDoor.Purpose {
    /// Nil: the token is none of ours.
    init?(_ role: ListRole, _ token: String?, of list: MailingList, _ tokens: ListTokens) {
        func octets() -> [UInt8]? { token.flatMap { tokens.open($0, role, of: list) } }
        func entry() -> QueueID? {
            guard let octets = octets(), let number: UInt64 = ListTokens.number(octets) else { return nil }
            return QueueID(rawValue: Int64(bitPattern: number))
        }
        switch role {
        case .owner: self = .owner
        case .request: self = .request
        case .bounces:
            guard let octets = octets(), octets.count == 8, let number: UInt32 = ListTokens.number(octets.prefix(4)),
                let sent: UInt32 = ListTokens.number(octets.suffix(4))
            else { return nil }
            self = .bounce(number, sent: Timestamp(rawValue: Int64(sent)))
        case .leave:
            guard let octets = octets(), let number: UInt32 = ListTokens.number(octets) else { return nil }
            self = .leave(number)
        case .confirm:
            guard let token, octets()?.count == 8 else { return nil }
            self = .confirm(token.lowercased())
        case .accept:
            guard let entry = entry() else { return nil }
            self = .accept(entry)
        case .reject:
            guard let entry = entry() else { return nil }
            self = .reject(entry)
        }
    }
}
