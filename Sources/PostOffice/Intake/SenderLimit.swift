package import MailModel
import Synchronization

/// Counts to how many recipients of other servers each account writes, so that one that was stolen sends no flood: beyond the limit its mail waits in the queue until
/// an administrator has looked at it. What an account did before a restart is not known.
package final class SenderLimit: Sendable {
    /// Minute by minute, the oldest first.
    private struct Count {
        var minutes: [(minute: Int64, recipients: Int)] = []
        var sum = 0
        /// That it is over was said.
        var isTold = false
    }

    package enum Verdict: Hashable, Sendable {
        case within
        /// Over it for the first time in a while.
        case begins
        case over
    }

    /// In an hour; nil: any number.
    private let most: Int?
    private let counts = Mutex<[AccountID: Count]>([:])

    /// - parameter most: recipients an hour; nil: any number.
    package init(most: Int?) { self.most = most }

    /// Counts recipients of a message. One that goes over the limit is over as a whole, and is not counted, for it is not sent.
    package func count(_ recipients: Int, of account: AccountID, at now: Timestamp) -> Verdict {
        guard let most, recipients > 0 else { return .within }
        let minute = now.rawValue / 60
        return counts.withLock { counts in
            var count = counts[account] ?? Count()
            let first = count.minutes.firstIndex { minute - $0.minute < 60 } ?? count.minutes.count
            for old in count.minutes[..<first] { count.sum -= old.recipients }
            count.minutes.removeFirst(first)
            defer { counts[account] = count.minutes.isEmpty && !count.isTold ? nil : count }
            guard count.sum + recipients <= most else {
                defer { count.isTold = true }
                return count.isTold ? .over : .begins
            }
            count.isTold = false
            if count.minutes.last?.minute == minute {
                count.minutes[count.minutes.count - 1].recipients += recipients
            } else {
                count.minutes.append((minute, recipients))
            }
            count.sum += recipients
            return .within
        }
    }
}
