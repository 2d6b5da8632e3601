package import MailModel

/// When a recipient that could not be reached is tried again: after `first`, then each time `factor` as long, at most `most`; each wait varied by up to a
/// fifth, so that what failed together does not come back together.
package struct RetrySchedule: Hashable, Sendable {
    /// Seconds.
    package var first: Int64
    /// Seconds.
    package var most: Int64
    /// After how many seconds since it arrived a message is given up (RFC 5321 §4.5.4.1: four to five days at least).
    package var lifetime: Int64
    /// After how many seconds its sender is told that it takes long.
    package var delayNotice: Int64

    package static let factor: Double = 2

    package init(first: Int64 = 300, most: Int64 = 4 * 3_600, lifetime: Int64 = 5 * 86_400, delayNotice: Int64 = 4 * 3_600) {
        self.first = first
        self.most = most
        self.lifetime = lifetime
        self.delayNotice = delayNotice
    }

    /// Seconds to wait after so many tries in a row, one at least.
    /// - parameter chance: 0..<1.
    package func wait(after tries: Int, chance: Double) -> Int64 {
        var wait = Double(first)
        for _ in 1..<max(2, min(tries, 64)) where tries > 1 { wait = min(wait * RetrySchedule.factor, Double(most)) }
        return max(1, Int64(min(wait, Double(most)) * (0.8 + 0.4 * min(max(chance, 0), 1))))
    }

    package func expiry(of arrived: Timestamp) -> Timestamp { Timestamp(rawValue: arrived.rawValue &+ lifetime) }
    package func delayNotice(of arrived: Timestamp) -> Timestamp { Timestamp(rawValue: arrived.rawValue &+ delayNotice) }
}
