/// The work of one connection that is under way, in the order of begin. Lives on the connection's event loop.
struct WorkQueue<Outcome: Sendable> {
    final class Piece {
        fileprivate(set) var outcome: Outcome?
        var task: Task<Void, Never>?
    }

    private var pieces: [Piece] = []
    /// Those whose outcome is still out.
    private var running = 0

    var count: Int { pieces.count }
    var isEmpty: Bool { pieces.isEmpty }
    var hasEnded: Bool { running == 0 }

    mutating func begin() -> Piece {
        let piece = Piece()
        pieces.append(piece)
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
        guard let outcome = pieces.first?.outcome else { return nil }
        pieces.removeFirst()
        return outcome
    }

    func cancel() {
        for piece in pieces { piece.task?.cancel() }
    }
}
