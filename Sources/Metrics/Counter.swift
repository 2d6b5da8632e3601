package import Synchronization

/// A number that only rises. To add costs one relaxed atomic.
package final class Counter: Sendable {
    @usableFromInline let total = Atomic<Int>(0)

    package init() {}

    /// - parameter count: what is below 0 counts for nothing.
    @inlinable package func add(_ count: Int = 1) {
        if count > 0 { total.wrappingAdd(count, ordering: .relaxed) }
    }

    package var value: Int { total.load(ordering: .relaxed) }
}
