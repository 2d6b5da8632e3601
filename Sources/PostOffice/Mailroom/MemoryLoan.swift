import Synchronization

/// Octets of a budget, lent for as long as this lives.
package final class MemoryLoan: Sendable {
    private let octets: Int
    private let budget: LoanBudget

    fileprivate init(_ octets: Int, _ budget: LoanBudget) {
        self.octets = octets
        self.budget = budget
    }

    deinit { budget.take(back: octets) }
}

/// What many may hold together of something that they could do without.
final class LoanBudget: Sendable {
    private let most: Int
    private let lent = Atomic<Int>(0)

    init(most: Int) { self.most = most }

    /// Nil when so much is not left.
    func lend(_ octets: Int) -> MemoryLoan? {
        guard lent.add(octets, ordering: .relaxed).newValue <= most else {
            lent.subtract(octets, ordering: .relaxed)
            return nil
        }
        return MemoryLoan(octets, self)
    }

    fileprivate func take(back octets: Int) { lent.subtract(octets, ordering: .relaxed) }
}
