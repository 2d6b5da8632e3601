package import Synchronization

/// A number that rises and falls. Each change costs one relaxed atomic.
package final class Gauge: Sendable {
    @usableFromInline let current = Atomic<Int>(0)

    package init() {}

    @inlinable package func set(_ value: Int) { current.store(value, ordering: .relaxed) }
    /// - parameter count: may be below 0.
    @inlinable package func add(_ count: Int = 1) { current.wrappingAdd(count, ordering: .relaxed) }

    package var value: Int { current.load(ordering: .relaxed) }
}
