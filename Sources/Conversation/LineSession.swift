package import NIOCore

/// What a session wants next.
package enum Step<Work: Sendable>: Sendable {
    /// It has used what it can of the input and needs more bytes from the peer.
    case more
    /// It has done something, a command at most, and can go on at once: others may have their turn before `advance` is called again.
    case again
    /// It cannot go on before an outcome of work that is under way.
    case wait
    /// Work that may wait. The driver starts it at once, in order, and calls `advance` again without waiting for the outcome: a
    /// session that needs the outcome first answers `wait`.
    case work(Work)
    /// The output is sent in plain text, every input byte so far is dropped, and the handshake begins; then `secured`.
    case startTLS
    /// The output is sent as it is; from then on what is written is deflated, and what comes, the rest of the input too, is inflated (raw
    /// RFC 1951 streams). Asked for once, and never behind `startTLS`. `advance` follows.
    case compress
    /// The output is sent, then the connection is closed. Nothing is called after it.
    case close
}

/// A line protocol's state machine: a value that eats input and outcomes and yields steps. No I/O, no clock, no promises.
///
/// Its one driver (Transport; in tests an array) calls, in turn and never concurrently:
/// `begin` once; then `advance` again and again until it answers `more`, `wait`, `startTLS` or `close`; after `more` again when bytes
/// came; after every `absorb`, `secured` and `poke` again. Outcomes are absorbed in the order in which their work was begun.
/// What is written to `output` is sent before the step is carried out; replies are gathered until the input is drained.
package protocol LineSession: Sendable {
    associatedtype Work: Sendable
    associatedtype Outcome: Sendable

    /// The greeting. `facts.tls` is set on an implicit-TLS port, where it is called after the handshake.
    mutating func begin(_ facts: ConnectionFacts, _ output: inout ByteBuffer)

    /// Uses bytes from the front of `input`; what it leaves is there at the next call, with more behind it.
    mutating func advance(_ input: inout ByteBuffer, _ output: inout ByteBuffer) -> Step<Work>

    mutating func absorb(_ outcome: Outcome, _ output: inout ByteBuffer)

    /// The handshake that `startTLS` asked for is done.
    mutating func secured(_ tls: TLSFacts)

    /// Something happened outside that it may want to tell (new mail, the account was disabled). It may come at any time; `advance`
    /// follows, with the input as it is.
    mutating func poke()

    /// The peer was silent for `patience`. It writes its goodbye; unless it answers true (go on: the patience starts anew),
    /// the connection is closed.
    mutating func expire(_ output: inout ByteBuffer) -> Bool

    /// The server stops: it writes its goodbye (SMTP `421 4.3.2`, IMAP `* BYE`), after which the connection is closed. Called only
    /// while no work is under way, and never before `begin`.
    mutating func shutdown(_ output: inout ByteBuffer)

    /// How long the peer may be silent in the present state while no work is under way.
    var patience: Duration { get }

    /// Octets that must come within `patience` for it to start anew: 1 between commands, more in the midst of something, so that nobody holds
    /// a session by a drop now and then. What ends it counts whatever its size.
    var leastProgress: Int { get }

    /// Input that is held while the session waits, in octets; past it the driver stops reading from the peer.
    var inputLimit: Int { get }
}

extension LineSession {
    package var leastProgress: Int { 1 }

    /// Changes nothing; mutating so that a driver asks the session where it lies. To read from a value of a generic type means to copy it first.
    package mutating func allowance() -> SessionAllowance {
        SessionAllowance(patience: patience, leastProgress: leastProgress, inputLimit: inputLimit)
    }
}

/// What a session in its present state allows its peer; as in `LineSession`.
package struct SessionAllowance: Sendable {
    package let patience: Duration
    package let leastProgress: Int
    package let inputLimit: Int
}

/// The way back to the connection for work that is under way.
package protocol Link: Sendable {
    var facts: ConnectionFacts { get }

    /// Where the connection's work runs, for tasks of its own that are to stay there; nil where that does not matter.
    var executor: (any TaskExecutor)? { get }

    /// Sends bytes behind everything written so far; returns when the connection takes more (back-pressure). Throws `CancellationError` when it is closed:
    /// nobody's fault, and no error to log.
    func write(_ bytes: ByteBuffer) async throws

    /// Has the driver call `poke`; from any thread, coalesced, ignored once closed.
    func poke()

    /// Closes the connection after what was written; from any thread.
    func close()
}

extension Link {
    package var executor: (any TaskExecutor)? { nil }
}

/// Carries out a session's work. One serves all connections of its protocol; what belongs to one connection travels in work and outcome.
package protocol LineWorker<Session>: Sendable {
    associatedtype Session: LineSession

    /// The state machine of a new connection.
    func session() -> Session

    /// Runs on the connection's event loop until it first waits (so that pieces of work begun in order reach a store's queue in order); it must not
    /// block. Cancelled when the connection closes.
    func perform(_ work: Session.Work, _ link: any Link) async -> Session.Outcome

    /// The connection is gone: `session` is its last state. Lets go of what it held.
    func closed(_ session: Session)
}
