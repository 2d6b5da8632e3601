import Logging
import MailModel
import Synchronization

/// Writes what became of logins: one line each, in the words that people search for (S44, S47, S74-S76), and a bounded number of lines of a kind for
/// each address in a minute; then one line says how many more there were.
final class LoginLog: Sendable {
    private enum Kind: Hashable {
        /// By account: who logs in often hides nobody else's login.
        case successful(AccountID)
        case failed
        case busy
        case broken
        case slow
    }

    private struct Key: Hashable {
        let kind: Kind
        let place: PeerPlace
    }

    private struct Shares {
        /// Each kind has room of its own: failures crowd out no success.
        var successes = LineShares<Key>()
        var failures = LineShares<Key>()
    }

    /// What a line is about.
    struct Attempt {
        /// As `LoggedName` writes it.
        let user: String
        let protocolName: ProtocolName
        let peer: String
        let place: PeerPlace
    }

    private let log: Logger
    private let shares = Mutex(Shares())

    init(_ log: Logger) { self.log = log }

    func successful(_ attempt: Attempt, _ account: AccountID, at now: ContinuousClock.Instant) {
        let entry = shares.withLock {
            $0.successes.enter(Key(kind: .successful(account), place: attempt.place), from: attempt.peer, at: now)
        }
        tell(entry.rests)
        if entry.isWritten { log.info("Successful \(attempt.protocolName) login for user: \(attempt.user)", metadata: ["peer": "\(attempt.peer)"]) }
    }

    /// `cause`: a word for the operator, which the peer is not told.
    func failed(_ attempt: Attempt, _ cause: String, at now: ContinuousClock.Instant) {
        write(
            .failed, .warning, attempt, now,
            "Failed \(attempt.protocolName) login attempt for user: \(attempt.user) (Authentication error: \(cause))")
    }

    func busy(_ attempt: Attempt, at now: ContinuousClock.Instant) {
        write(.busy, .warning, attempt, now, "Authentication error: TooManyLogins")
    }

    func broken(_ attempt: Attempt, _ cause: String, at now: ContinuousClock.Instant) {
        write(.broken, .error, attempt, now, "Authentication error: \(cause)")
    }

    /// S94; `time` without the delay of the answer.
    func slow(_ attempt: Attempt, _ time: Duration, at now: ContinuousClock.Instant) {
        write(.slow, .warning, attempt, now, "Slow \(attempt.protocolName) authentication: \(time.milliseconds) ms")
    }

    /// Of the server's own keys, not of a login.
    func note(_ text: String) { log.warning("\(text)") }

    /// Says what has not been written of windows that are over, or of all at the end.
    func tellRest(at now: ContinuousClock.Instant, ofAll: Bool) {
        tell(
            shares.withLock { shares in
                ofAll
                    ? shares.successes.all(at: now) + shares.failures.all(at: now) : shares.successes.due(at: now) + shares.failures.due(at: now)
            })
    }

    private func write(_ kind: Kind, _ level: Logger.Level, _ attempt: Attempt, _ now: ContinuousClock.Instant, _ text: String) {
        let entry = shares.withLock { $0.failures.enter(Key(kind: kind, place: attempt.place), from: attempt.peer, at: now) }
        tell(entry.rests)
        if entry.isWritten { log.log(level: level, "\(text)", metadata: ["peer": "\(attempt.peer)"]) }
    }

    private func tell(_ rests: [LineShares<Key>.Rest]) {
        for rest in rests {
            let more = "\(rest.count) more in the last \(rest.time.components.seconds) s"
            // Of those that could not be told apart the last one's address would blame one for many.
            let facts: Logger.Metadata = rest.key == nil ? [:] : ["peer": "\(rest.peer)"]
            switch rest.key?.kind {
            case .successful: log.info("Successful login: \(more)", metadata: facts)
            case .failed: log.warning("Failed login attempts: \(more)", metadata: facts)
            case .busy: log.warning("Authentication error: TooManyLogins: \(more)", metadata: facts)
            case .slow: log.warning("Slow authentication: \(more)", metadata: facts)
            case .broken: log.error("Authentication error: \(more)", metadata: facts)
            case nil: log.warning("Lines about logins from very many addresses: \(more)")
            }
        }
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
