import Glibc
import Synchronization

/// The Date of answers, RFC 9110 §5.6.7: made once a second.
final class HTTPDates: Sendable {
    private let last = Mutex<(second: Int, text: String)>((-1, ""))

    /// - parameter second: since 1970.
    func text(_ second: Int = time(nil)) -> String {
        last.withLock { last in
            if last.second != second { last = (second, HTTPDates.made(second)) }
            return last.text
        }
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func made(_ second: Int) -> String {
        var moment = time_t(second)
        var parts = tm()
        gmtime_r(&moment, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + Int(parts.tm_year)) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}
