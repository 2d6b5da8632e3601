package import Conversation
import Gatehouse
import MailModel
package import NIOCore
import PostOffice

/// An IMAP connection's state machine (RFC 9051 §3; RFC 3501 until the client enables IMAP4rev2).
///
/// - Answers come in the order of the commands. One command is under way at a time; only messages of APPENDs that follow each other are
///   placed together, in their order.
/// - While work is under way the session has nothing else to say, so the work itself may write.
/// - A session that waits holds no buffers.
package struct IMAPSession: LineSession {
    package typealias Work = IMAPWork
    package typealias Outcome = IMAPOutcome

    /// RFC 9051 §3; each case says what it may become.
    enum State: Sendable {
        /// → authenticated, logout
        case notAuthenticated
        /// → selected, logout
        case authenticated(Login)
        /// → selected, authenticated, logout
        case selected(Boxed<Selection>)
        case logout
    }

    /// What the client's next bytes are.
    enum Activity: Sendable {
        case commands
        /// A SASL response.
        case sasl(Tag, SASLExchange)
        /// DONE. The watch pokes the connection.
        case idle(Tag, watch: (any AnyObject & Sendable)?)
        /// The rest of APPEND.
        indirect case receiving(Receiving)
    }

    /// Work whose outcome is to come, in the order of begin.
    enum Pending: Sendable {
        case login(Tag)
        case command(Tag, Verb)
        case watch(Tag)
        case notice
        case update
        case target(Receiving)
        /// Rows of the event that is held.
        case rows
        case chunk
        case inclusion
        /// `octets`: of its message, gathered in memory.
        case placing(Tag, Verb, octets: Int)
    }

    let settings: IMAPSettings
    var facts: ConnectionFacts?
    var reader = CommandReader(limits: .stranger)
    var state = State.notAuthenticated
    var activity = Activity.commands
    var dialect = Dialect()
    var pending: [Pending] = []
    /// An event that has to wait until nothing is under way.
    var held: CommandEvent?
    /// The turn of the last message that is being placed.
    var lastTurn: Turn?
    var errors = 0
    var failures = 0
    /// Logins that were told to try later.
    var postponements = 0
    var loginDeadline = Timestamp(rawValue: .max)
    var wasPoked = false
    var isCompressed = false
    /// Words in IDLE since the client's last.
    var idleWords = 0
    /// NOTIFY; nil: the client never used it.
    var notifications: Notifications?
    /// Names that the client's last command changed.
    var ownNames: [MailboxName] = []

    package init(settings: IMAPSettings) { self.settings = settings }

    package mutating func begin(_ facts: ConnectionFacts, _ output: inout ByteBuffer) {
        self.facts = facts
        loginDeadline = Timestamp(rawValue: settings.clock().rawValue &+ settings.loginPatience)
        output.writeUntagged(.ok("\(settings.serverName) ready", .capability(capabilities)))
    }

    package mutating func advance(_ input: inout ByteBuffer, _ output: inout ByteBuffer) -> Step<IMAPWork> {
        endIfDue(&output)
        if wasPoked || owesItems, let step = tellNotices(&output) { return step }
        if case .logout = state { return .close }
        if let step = updateContexts() { return step }
        guard mayRead else { return .wait }
        let next = held ?? reader.next(&input)
        held = nil
        guard let event = next else { return .more }
        guard mayTake(event) else {
            held = event
            return .wait
        }
        return take(event, &output) ?? .again
    }

    package mutating func secured(_ tls: TLSFacts) { facts?.tls = tls }

    package mutating func poke() { wasPoked = true }

    package mutating func shutdown(_ output: inout ByteBuffer) {
        output.writeBye("The server is stopping")
        state = .logout
    }

    package mutating func expire(_ output: inout ByteBuffer) -> Bool {
        if case .idle = activity, idleWords < settings.mostIdleWords {
            idleWords += 1
            output.writeUntagged(.ok("Still here"))
            return true
        }
        output.writeBye("Autologout: you were silent for too long")
        state = .logout
        return false
    }

    package var patience: Duration {
        if case .notAuthenticated = state { return .seconds(settings.loginPatience) }
        if case .idle = activity { return settings.idleInterval }
        return settings.patience
    }

    /// What a command or a message comes in with, at least, for the patience to start anew.
    package var leastProgress: Int { reader.isIdle ? 1 : 16_384 }

    package var inputLimit: Int {
        if case .notAuthenticated = state { return 66 << 10 }
        return 320 << 10
    }
}

extension IMAPSession {
    var isSecure: Bool { facts?.tls != nil }
    var connection: UInt64 { facts?.id ?? 0 }

    var commandState: Legality.State {
        switch state {
        case .notAuthenticated, .logout: .notAuthenticated
        case .authenticated: .authenticated
        case .selected: .selected
        }
    }

    var login: Login? {
        switch state {
        case .authenticated(let login): login
        case .selected(let selection): selection.value.login
        case .notAuthenticated, .logout: nil
        }
    }

    /// Nil when no mailbox is selected. To set it to nil does not log out.
    var selection: Selection? {
        get { if case .selected(let selection) = state { selection.value } else { nil } }
        set {
            guard case .selected(let selection) = state else { return }
            state = newValue.map { .selected(Boxed($0)) } ?? .authenticated(selection.value.login)
        }
    }

    /// Of the selected mailbox.
    var view: MailboxView? { if case .selected(let selection) = state { selection.value.view } else { nil } }

    /// Changes what is selected where it lies, without a copy; nil when no mailbox is.
    @discardableResult
    mutating func withSelection<Value>(_ change: (inout Selection) throws -> Value) rethrows -> Value? {
        guard case .selected(var selection) = state else { return nil }
        // The state does not hold it meanwhile.
        state = .logout
        defer { state = .selected(selection) }
        return try change(&selection.value)
    }

    /// Items of new messages are owed (NOTIFY).
    private var owesItems: Bool { if case .selected(let selection) = state { !selection.value.owed.isEmpty } else { false } }

    /// Answers wait.
    private var isDelayed: Bool { if case .selected(let selection) = state { !selection.value.delayed.isEmpty } else { false } }

    var logins: LoginOffer {
        LoginOffer(
            isSecure: isSecure, isLoopback: facts?.isLoopback ?? false, allowsPlaintextOnLoopback: settings.allowsPlaintextOnLoopback,
            rules: settings.logins, binding: facts?.tls?.endPoint, addresses: facts?.tls?.client?.addresses ?? [])
    }

    var circumstances: Capability.Circumstances {
        Capability.Circumstances(
            isAuthenticated: login != nil, isSecure: isSecure, offersTLS: settings.offersTLS, logins: logins,
            isCompressed: isCompressed, messageLimit: settings.messageLimit, messagesAtOnce: settings.messagesAtOnce,
            allowsUnauthenticate: settings.allowsUnauthenticate)
    }

    var capabilities: [String] { Capability.list(circumstances) }

    private var isPlacingOnly: Bool {
        pending.allSatisfy { if case .placing = $0 { true } else { false } }
    }

    /// Messages that may be placed together, and their octets in memory.
    private static let mostPlacings = 64
    private static let mostPlacingOctets = 4 << 20

    private var mayRead: Bool { isPlacingOnly && !isDelayed }

    /// Whether an event may be acted on while messages are being placed.
    private func mayTake(_ event: CommandEvent) -> Bool {
        guard !pending.isEmpty else { return true }
        switch event {
        case .appendBegin(_, let target, let message):
            let octets = pending.reduce(0) { if case .placing(_, _, let octets) = $1 { $0 + octets } else { $0 } }
            // One that is refused at once must not be answered before those under way.
            return !target.verb.replacesMessage && !message.synchronising && target.mailbox.name != nil && pending.count < IMAPSession.mostPlacings
                && octets + message.octets <= IMAPSession.mostPlacingOctets
        case .appendBytes, .appendEnd: return true
        case .command, .literalRequest, .appendText, .appendURL, .appendNext, .syntaxError, .tooBig, .line, .lineTooLong: return false
        }
    }

    /// Too slow a login, or an account that was disabled: the connection ends.
    private mutating func endIfDue(_ output: inout ByteBuffer) {
        switch state {
        case .notAuthenticated where settings.clock() > loginDeadline:
            output.writeBye("The login took too long")
            state = .logout
        case .authenticated, .selected:
            guard let login, login.revocation.isRevoked else { return }
            // In the midst of an answer a word would be taken for a part of it.
            if pending.isEmpty { output.writeBye("The account was changed or disabled") }
            state = .logout
        case .notAuthenticated, .logout: return
        }
    }

    mutating func say(_ tag: Tag, _ answer: StatusResponse, _ output: inout ByteBuffer) {
        output.writeTagged(tag, answer)
        if answer.condition == .bad { noteError(&output) }
    }

    mutating func noteError(_ output: inout ByteBuffer) {
        errors += 1
        let most = login == nil ? settings.mostErrors.stranger : settings.mostErrors.member
        guard errors > most else { return }
        settings.metrics.security.note(.rateLimit)
        output.writeBye("Too many errors")
        state = .logout
    }
}
