/// What the driver of a line protocol allows a peer, beyond what the session says itself.
package struct LineLimits: Sendable {
    /// From the connection (or STARTTLS) to the end of the TLS handshake.
    package var handshake: Duration = .seconds(30)
    /// A peer that takes less than 4 KiB of what waits for it in this time is gone, or might as well be.
    package var writeStall: Duration = .seconds(300)
    /// After the last word: time for the peer to read it and close, before the connection is torn down (a close with unread input would
    /// reset it, and the peer would lose that word).
    package var linger: Duration = .seconds(2)
    /// A compressed connection that says nothing for this long lets go of its deflate and inflate states.
    package var compressionRest: Duration = .seconds(2)
    /// Pieces of work of one connection that are under way at once; further ones wait.
    package var work: Int = 128
    /// Before others on the event loop have their turn.
    package var turn = TurnBudget()

    package init() {}
}

/// Sizes the driver works with, in octets.
enum LineSizes {
    /// Output is passed on in pieces of this size; a TLS record is as large.
    static let piece = 16 * 1024
    /// Waiting for the peer to take it: above the upper mark writes suspend, below the lower they go on.
    static let lowWater = 64 * 1024
    static let highWater = 256 * 1024
    /// A session that answers `more` while this and its `inputLimit` lie before it uses none of its input: the connection is closed.
    static let unused = 1024 * 1024
    /// What a peer must take within `writeStall`.
    static let progress = 4 * 1024
    /// Of the last input, after our last word, that is read and dropped.
    static let discarded = 4 * 1024 * 1024
    /// A connection keeps one receive buffer once the peer has sent something.
    static let smallestReceive = 1024
    static let largestReceive = 16 * 1024
}
