package import MailModel
package import Storage

/// How an entry of the queue stands, in the word that people see.
package enum QueueState: String, Hashable, Sendable, CaseIterable {
    /// It goes out as soon as its turn comes.
    case waiting
    /// Its sender asked for a later time, or may still take it back.
    case scheduled
    /// It was tried, and is tried again.
    case deferred
    /// It goes nowhere until somebody releases it (`QueueEntry.hold`).
    case held

    package init(_ entry: QueueEntry, now: Timestamp) {
        let waiting = entry.progress.lazy.filter { $0.phase == .waiting }
        self =
            if entry.hold != nil {
                .held
            } else if waiting.contains(where: { $0.attempts > 0 }) {
                .deferred
            } else if entry.draft.notBefore.map({ $0 > now }) ?? false, waiting.allSatisfy({ $0.due > now }) {
                .scheduled
            } else {
                .waiting
            }
    }
}

/// Which entries of the queue are meant: those for which all that is set holds.
package struct QueueFilter: Hashable, Sendable {
    package enum Sender: Hashable, Sendable {
        case account(AccountID)
        case path(ReversePath)
    }

    /// Some recipient there still waits. What is then done with recipients is done with these alone.
    package var domain: Domain?
    package var sender: Sender?
    /// It came before.
    package var before: Timestamp?
    package var state: QueueState?

    package init(domain: Domain? = nil, sender: Sender? = nil, before: Timestamp? = nil, state: QueueState? = nil) {
        self.domain = domain
        self.sender = sender
        self.before = before
        self.state = state
    }

    package func holds(_ entry: QueueEntry, now: Timestamp) -> Bool {
        if let before, entry.draft.arrived >= before { return false }
        switch sender {
        case .account(let account)?: guard entry.draft.sender == account else { return false }
        case .path(let path)?: guard path.isSame(as: entry.draft.reversePath) else { return false }
        case nil: break
        }
        if let state, QueueState(entry, now: now) != state { return false }
        return domain == nil || !recipients(of: entry).isEmpty
    }

    /// The places of those who still wait and are meant.
    func recipients(of entry: QueueEntry) -> [Int] {
        entry.progress.indices.filter { place in
            guard entry.progress[place].phase == .waiting, entry.draft.recipients.indices.contains(place) else { return false }
            guard let domain else { return true }
            guard case .mailbox(let address) = entry.draft.recipients[place].path else { return false }
            return address.domain == domain
        }
    }
}

extension ReversePath {
    /// Whoever looks for a sender need not know its case: no two servers' users differ by it alone.
    fileprivate func isSame(as other: ReversePath) -> Bool {
        guard let (mine, theirs) = address.flatMap({ mine in other.address.map { (mine, $0) } }) else { return address == nil && other.address == nil }
        return mine.domain == theirs.domain && mine.localPart.lowercased() == theirs.localPart.lowercased()
    }
}
