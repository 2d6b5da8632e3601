import NIOCore

/// What a message that comes in has of the memory that all headers without an end may hold together.
struct HeaderLoans: Sendable {
    /// A header that is shorter is not counted: it came with all of its message, whose end follows.
    static let uncounted = 16 << 10

    private var loans: [MemoryLoan] = []
    private var octets = 0

    /// Borrows for as much as `held` has grown. `Refusal.full` when so much is not left: then the sender tries again later.
    mutating func cover(_ held: ByteBuffer, from budget: LoanBudget) throws(Refusal) {
        guard held.readableBytes >= HeaderLoans.uncounted, held.readableBytes > octets else { return }
        guard let loan = budget.lend(held.readableBytes - octets) else { throw .full }
        loans.append(loan)
        octets = held.readableBytes
    }
}
