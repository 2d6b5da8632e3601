/// The work of one connection that is under way, in the order of begin. Lives on the connection's event loop.
///
/// A chain, not an array: the driver is generic, and an array of what it is generic over costs a look-up of types at every touch.
struct WorkQueue<Outcome: Sendable> {
    final class Piece {
        fileprivate(set) var outcome: Outcome?
        var task: Task<Void, Never>?
        fileprivate var next: Piece?
    }

    private var first: Piece?
    private var last: Piece?
    private(set) var count = 0
    /// Those whose outcome is still out.
    private var running = 0

    var isEmpty: Bool { count == 0 }
    var hasEnded: Bool { running == 0 }

    mutating func begin() -> Piece {
        let piece = Piece()
        if let last { last.next = piece } else { first = piece }
        last = piece
        count += 1
        running += 1
        return piece
    }

    mutating func end(_ piece: Piece, _ outcome: Outcome) {
        piece.outcome = outcome
        piece.task = nil
        running -= 1
    }

    /// The outcome of the oldest piece, once it has one.
    mutating func next() -> Outcome? {
        guard let piece = first, let outcome = piece.outcome else { return nil }
        first = piece.next
        if first == nil { last = nil }
        count -= 1
        return outcome
    }

    func cancel() {
        var piece = first
        while let current = piece {
            current.task?.cancel()
            piece = current.next
        }
    }
}
