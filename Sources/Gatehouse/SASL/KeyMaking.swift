import MailModel
import Synchronization

/// Keys that are being made behind logins, once at a time for an account.
final class KeyMaking: Sendable {
    private let tasks = Mutex<[AccountID: Task<Void, Never>]>([:])

    func begin(_ account: AccountID, _ work: @escaping @Sendable () async -> Void) {
        tasks.withLock { tasks in
            guard tasks[account] == nil else { return }
            tasks[account] = Task {
                await work()
                self.tasks.withLock { $0[account] = nil }
            }
        }
    }

    /// Returns when all that has begun is over.
    func finish() async {
        for task in tasks.withLock({ Array($0.values) }) { await task.value }
    }
}
