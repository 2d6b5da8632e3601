package import Logging
package import MailModel
import Synchronization

/// How often one user does what costs: logins, and messages handed in (S43). What goes on within a session is not counted one by one.
///
/// Beyond it the user is told to try later, and no session ends for it. It is kept in memory alone, and bounded.
package final class UserRates: Sendable {
    package struct Settings: Sendable {
        /// Of one user in a window; 0: any number.
        package var most = 200
        package var window = Duration.seconds(60)
        /// Users that are told apart.
        package var capacity = 100_000

        package init() {}

        package static var off: Settings {
            var settings = Settings()
            settings.most = 0
            return settings
        }
    }

    private struct Window: Sendable {
        let began: ContinuousClock.Instant
        var count = 0
    }

    private let settings: Settings
    private let log: Logger
    private let monotonic: @Sendable () -> ContinuousClock.Instant
    private let isExempt: @Sendable (IPAddress) -> Bool
    private let windows: Mutex<BoundedTable<Int64, Window>>

    /// - parameter isExempt: addresses from where users may do it as often as they like.
    package init(
        _ settings: Settings, log: Logger, monotonic: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        isExempt: @escaping @Sendable (IPAddress) -> Bool = { _ in false }
    ) {
        self.settings = settings
        self.log = log
        self.monotonic = monotonic
        self.isExempt = isExempt
        windows = Mutex(BoundedTable(capacity: settings.capacity))
    }

    /// Counts one more; false when it is too many for now. A peer without an address, as by a UNIX socket, is not counted.
    package func takes(_ principal: Principal, from peer: String) -> Bool {
        guard settings.most > 0, let address = IPAddress(peer), !isExempt(address) else { return true }
        let now = monotonic()
        let key = principal.account.rawValue
        let count = windows.withLock { windows in
            var window = windows[key] ?? Window(began: now)
            if now - window.began >= settings.window { window = Window(began: now) }
            if window.count <= settings.most { window.count += 1 } else { return window.count + 1 }
            // Who has done most, and lately, is forgotten last.
            _ = windows.set(window, at: key) { entry in now - entry.began >= settings.window ? 0 : entry.count }
            return window.count
        }
        // One line in a window.
        if count == settings.most + 1 { log.warning("Rate limit exceeded for user: \(principal.name)", metadata: ["peer": "\(address)"]) }
        return count <= settings.most
    }

    /// Forgets windows that are over, until it is cancelled (S41).
    package func keep(cleanup interval: Duration, pause: @Sendable (Duration) async -> Void = realPause) async {
        while !Task.isCancelled {
            await pause(interval)
            forgetOver()
        }
    }

    package func forgetOver() {
        let now = monotonic()
        for share in 0..<windows.withLock({ $0.shareCount }) {
            windows.withLock { windows in
                for (key, window) in windows.entries(ofShare: share) where now - window.began >= settings.window { windows.remove(key) }
            }
        }
    }

    /// Users that are told apart now.
    package var count: Int { windows.withLock { $0.count } }
}
