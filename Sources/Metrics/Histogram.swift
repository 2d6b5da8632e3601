package import Synchronization

/// How often values of each size came, by buckets that are fixed, and their sum. To record one costs two relaxed atomics and a walk along the buckets' bounds;
/// it locks and allocates nothing.
package final class Histogram: Sendable {
    /// The upper bounds of buckets, rising; one without a bound follows.
    package struct Buckets: Sendable {
        /// In the unit that is recorded: nanoseconds or octets.
        package let bounds: [Int]
        /// How many of those are one of what is shown: seconds or octets.
        package let scale: Double

        /// - parameter bounds: `Histogram.mostBounds` at most.
        package init(_ bounds: [Int], scale: Double) {
            precondition(bounds.count <= Histogram.mostBounds && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "the bounds rise, and are few")
            self.bounds = bounds
            self.scale = scale
        }

        /// From 0.1 ms to 10 s.
        package static let time = Buckets(
            [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000]
                .map { $0 * 1_000 }, scale: 1e9)
        /// From 1 KiB to 64 MiB.
        package static let octets = Buckets((0...8).map { 1_024 << (2 * $0) }, scale: 1)
    }

    /// What it holds, as far as others have not changed it since.
    package struct Contents: Equatable, Sendable {
        /// Of each bucket by itself; the last is the one without a bound.
        package let counts: [Int]
        package let sum: Int

        package var count: Int { counts.reduce(0, &+) }
    }

    package static let mostBounds = 16

    package let buckets: Buckets
    @usableFromInline let bounds: [Int]
    @usableFromInline let counts = InlineArray<17, Atomic<Int>> { _ in Atomic<Int>(0) }
    @usableFromInline let sum = Atomic<Int>(0)
    @usableFromInline let now: @Sendable () -> ContinuousClock.Instant

    /// - parameter now: what times are taken by.
    package init(_ buckets: Buckets = .time, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.buckets = buckets
        bounds = buckets.bounds
        self.now = now
    }

    /// - parameter value: in the buckets' unit; what is below 0 counts as 0.
    @inlinable package func record(_ value: Int) {
        let value = max(0, value)
        var place = 0
        while place < bounds.count, bounds[place] < value { place += 1 }
        counts[place].wrappingAdd(1, ordering: .relaxed)
        sum.wrappingAdd(value, ordering: .relaxed)
    }

    /// Of a histogram of times.
    @inlinable package func record(_ time: Duration) {
        let (seconds, attoseconds) = time.components
        record(Int(clamping: seconds) &* 1_000_000_000 &+ Int(attoseconds / 1_000_000_000))
    }

    /// What `end` takes.
    @inlinable package func begin() -> ContinuousClock.Instant { now() }

    /// Records the time since then.
    @inlinable package func end(_ begin: ContinuousClock.Instant) { record(begin.duration(to: now())) }

    package var contents: Contents {
        Contents(counts: (0...bounds.count).map { counts[$0].load(ordering: .relaxed) }, sum: sum.load(ordering: .relaxed))
    }
}
