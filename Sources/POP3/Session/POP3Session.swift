package import Conversation
import Gatehouse
import MailModel
package import NIOCore
import PostOffice

/// The server's side of a POP3 conversation (RFC 1939).
///
/// - One response a command, in the order of the commands. RETRs and TOPs that came together are one piece of work.
/// - While work is under way, but for reading ahead, the session has nothing else to say, so the work itself may write.
/// - Nothing is removed before QUIT: a connection that ends otherwise leaves the maildrop as it was (RFC 1939 §6).
package struct POP3Session: LineSession {
    package typealias Work = POP3Work
    package typealias Outcome = POP3Outcome

    /// RFC 1939 §3; each case says what it may become.
    enum State: Sendable {
        /// → transaction, closing
        case authorization
        /// → closing
        case transaction(MaildropSession)
        case closing(MaildropSession?)
    }

    let settings: POP3Settings
    var facts: ConnectionFacts?
    var state = State.authorization
    var reader = LineReader()
    /// A line that waits until the RETRs before it are answered.
    private var held: LineReader.Line?
    /// The client's next line belongs to it.
    var exchange: SASLExchange?
    var isWaiting = false
    /// What USER said.
    var user: String?
    var marks = Marks()
    var ahead = ReadAhead()
    var errors = 0
    var failures = 0
    /// Logins that were told to try later.
    var postponements = 0
    private var loginDeadline = Timestamp(rawValue: .max)

    package init(settings: POP3Settings) { self.settings = settings }

    package mutating func begin(_ facts: ConnectionFacts, _ output: inout ByteBuffer) {
        self.facts = facts
        loginDeadline = Timestamp(rawValue: settings.clock().rawValue &+ settings.loginPatience)
        say(.ok("\(settings.serverName) ready"), &output)
    }

    package mutating func advance(_ input: inout ByteBuffer, _ output: inout ByteBuffer) -> Step<POP3Work> {
        var retrievals = Retrievals()
        endIfDue(&output)
        while true {
            if case .closing = state { return .close }
            guard !isWaiting else { return readAhead() ?? .wait }
            guard let line = held ?? reader.next(&input, exchange != nil) else {
                return retrieve(retrievals) ?? readAhead() ?? .more
            }
            held = nil
            if let retrieval = retrieval(line) {
                switch ahead.availability(of: retrieval) {
                case .notAhead:
                    if retrievals.add(retrieval) { continue }
                case .held where retrievals.all.isEmpty:
                    show(retrieval, &output)
                    return .again
                case .pending where retrievals.all.isEmpty:
                    held = line
                    return .wait
                case .held, .pending: break
                }
            }
            if let step = retrieve(retrievals) {
                held = line
                return step
            }
            return obey(line, &input, &output) ?? .again
        }
    }

    /// RFC 2595 §4: what was known from before the handshake is forgotten.
    package mutating func secured(_ tls: TLSFacts) {
        facts?.tls = tls
        user = nil
        reader = LineReader()
    }

    /// The account may have been changed; `advance` sees.
    package mutating func poke() {}

    /// RFC 1939 §3: without a word, and without removing anything.
    package mutating func expire(_ output: inout ByteBuffer) -> Bool {
        close()
        return false
    }

    package mutating func shutdown(_ output: inout ByteBuffer) {
        say(.stopping, &output)
        close()
    }

    package var patience: Duration {
        if case .authorization = state { .seconds(settings.loginPatience) } else { settings.patience }
    }

    package var inputLimit: Int { POP3Settings.authLine }
}

extension POP3Session {
    package var maildropSession: MaildropSession? {
        switch state {
        case .authorization: nil
        case .transaction(let maildropSession): maildropSession
        case .closing(let maildropSession): maildropSession
        }
    }

    var commandState: VerbRule.State { if case .transaction = state { .transaction } else { .authorization } }

    var circumstances: Capability.Circumstances {
        let isSecure = facts?.tls != nil
        return Capability.Circumstances(
            isAuthenticated: commandState == .transaction, isSecure: isSecure, offersTLS: settings.offersTLS,
            logins: LoginOffer(
                isSecure: isSecure, isLoopback: facts?.isLoopback ?? false, allowsPlaintextOnLoopback: settings.allowsPlaintextOnLoopback,
                rules: settings.logins, binding: facts?.tls?.endPoint, addresses: facts?.tls?.client?.addresses ?? []))
    }

    mutating func say(_ reply: Reply, _ output: inout ByteBuffer) { reply.write(to: &output) }

    /// In the place of the answer to an error too many, it says so, and closes.
    mutating func complain(_ reply: Reply, _ output: inout ByteBuffer) {
        errors += 1
        guard errors > (commandState == .transaction ? settings.mostErrors.member : settings.mostErrors.stranger) else {
            return say(reply, &output)
        }
        settings.metrics.security.note(.rateLimit)
        say(.tooManyErrors, &output)
        close()
    }

    mutating func close() { state = .closing(maildropSession) }

    /// Too slow a login, or an account that was changed: the connection ends. In the midst of a response nothing more is said.
    private mutating func endIfDue(_ output: inout ByteBuffer) {
        switch state {
        case .authorization where settings.clock() > loginDeadline:
            if !isWaiting { say(.tooSlow, &output) }
            close()
        case .transaction(let maildropSession) where maildropSession.login.isRevoked:
            if !isWaiting { say(.revoked, &output) }
            close()
        case .authorization, .transaction, .closing: return
        }
    }

    // MARK: Outcomes

    package mutating func absorb(_ outcome: POP3Outcome, _ output: inout ByteBuffer) {
        if case .readAhead(let batch) = outcome { return ahead.absorb(batch) }
        isWaiting = false
        switch outcome {
        case .login(let result): absorb(result, &output)
        case .listed, .retrieved, .readAhead: return
        case .updated(let isDone):
            // The next session may begin as soon as this one's client has read the answer.
            maildropSession?.end()
            say(isDone ? .goodbye : .err("Nothing was removed, try again later", .systemTemporary), &output)
            close()
        }
    }
}
