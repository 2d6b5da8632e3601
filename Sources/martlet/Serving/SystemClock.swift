import Glibc
import MailModel

/// The machine's clock, in whole seconds.
enum SystemClock {
    static let now: Timestamp.Clock = { Timestamp(rawValue: Int64(time(nil))) }

    /// Until the clock shows that moment, which it is asked once a minute, as it may be set; or until the task is cancelled.
    @Sendable static func wait(until moment: Timestamp) async {
        while !Task.isCancelled {
            let left = moment.rawValue - now().rawValue
            guard left > 0 else { return }
            // try?: cancelled, which the loop sees.
            try? await Task.sleep(for: .seconds(min(left, 60)))
        }
    }
}
