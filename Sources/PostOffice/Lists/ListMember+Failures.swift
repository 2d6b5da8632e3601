import MailModel

// A member whose mail comes back for a week gets no more of it, once it was several posts.
extension ListMember {
    /// Seconds of failures behind which a member is suspended.
    package static let patience: Int64 = 7 * 86_400
    /// Posts that have to come back before a member is suspended.
    package static let leastPosts = 3
    /// Seconds within which a post that was taken may still come back: servers that take first and judge later do it in minutes, and tell at once.
    private static let returnTime: Int64 = 2 * 86_400
    /// Seconds between what owners are shown of one member.
    private static let tellingEvery: Int64 = 86_400

    struct Failed: Hashable {
        /// The owners are shown what came back.
        let isShown: Bool
        /// It was one too many, and the owners are told.
        let isSuspended: Bool
    }

    /// A post that was sent then has come back. The same entry may say it again, after a crash; it has the same answer.
    mutating func failed(postOf sent: Timestamp, at now: Timestamp, reason: String, by entry: QueueID) -> Failed {
        var failing = failing ?? Failing(since: now, last: now, reason: reason, told: now, toldBy: entry)
        if let taken = failing.taken, taken < sent, now.rawValue - taken.rawValue > ListMember.returnTime {
            // That one has arrived: what fails now is something new.
            failing = Failing(since: now, last: now, reason: reason, told: now, toldBy: entry)
        } else if failing.taken == sent {
            failing.taken = nil
        }
        if failing.posts.count < ListMember.leastPosts, !failing.posts.contains(sent) { failing.posts.append(sent) }
        failing.last = max(failing.last, now)
        failing.reason = reason
        if failing.toldBy != entry, now.rawValue - failing.told.rawValue >= ListMember.tellingEvery {
            failing.told = now
            failing.toldBy = entry
        }
        self.failing = failing
        let isEnough = now.rawValue - failing.since.rawValue >= ListMember.patience && failing.posts.count >= ListMember.leastPosts
        if suspension == nil, isEnough { suspension = Suspension(at: now, cause: entry) }
        return Failed(isShown: failing.toldBy == entry, isSuspended: suspension?.cause == entry)
    }

    /// The member's server has taken a post that was sent then, or it lies in the member's mailbox. False: that changes nothing.
    mutating func took(postOf sent: Timestamp, at now: Timestamp, isSure: Bool) -> Bool {
        guard var failing else { return false }
        if isSure || failing.taken.map({ now.rawValue - $0.rawValue > ListMember.returnTime }) ?? false {
            self.failing = nil
            return true
        }
        guard failing.taken == nil else { return false }
        failing.taken = sent
        self.failing = failing
        return true
    }

    /// Gets posts again, and what failed is forgotten.
    mutating func resume() {
        suspension = nil
        failing = nil
    }
}
