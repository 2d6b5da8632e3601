import Glibc
import MailModel

/// The machine's clock, in whole seconds.
enum SystemClock {
    static let now: Timestamp.Clock = { Timestamp(rawValue: Int64(time(nil))) }
}
