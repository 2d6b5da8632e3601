/// Where a connection stands, from its first byte to its last.
enum LinePhase: Equatable {
    /// Implicit TLS: the handshake goes on, there is no session yet. To `talking`.
    case opening
    /// To `securing`, `closing`.
    case talking(Talk)
    /// STARTTLS: the handshake goes on. To `talking`.
    case securing
    /// The last output is on its way, or the peer has it and has not closed yet; what it sends is dropped.
    case closing
    /// The channel is gone; work may still be ending. To `ended`.
    case closed
    /// The session is gone too.
    case ended

    /// Whose turn it is while the session lives.
    enum Talk: Equatable {
        /// Nobody's: something has to come first.
        case resting(for: Need)
        /// The session's. Who calls it from within does nothing.
        case underWay
        /// The connection has had its share and waits for its next turn: until then the session is not called, and nothing is read.
        case queued
    }

    /// What the session cannot go on without.
    enum Need: Equatable {
        case input
        /// Of work. What the peer sends meanwhile is kept, up to the session's `inputLimit`.
        case outcome
    }

    var isTalking: Bool { if case .talking = self { true } else { false } }
    /// A session is there that work may write for.
    var takesOutput: Bool { isTalking || self == .securing }
}

/// What becomes of the peer's bytes.
enum LineReading: Equatable {
    /// They are asked for.
    case wanted
    /// There was no room for more: they are asked for when there is.
    case paused
    /// It has sent its last.
    case ended

    mutating func pause() { if self == .wanted { self = .paused } }
}
