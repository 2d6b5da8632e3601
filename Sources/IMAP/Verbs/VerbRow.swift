import Conversation
import MailModel
import NIOCore

/// A row of the table of verbs: all that is known of a command before its arguments are.
///
/// Its columns belong to the three rooms: how it is read (Grammar), when it may come and what is told with its answer (Session), and its
/// work (Commands). No other place lists verbs, so that a new one is a type with its parser, its work, and a row.
final class VerbRow: Sendable {
    // MARK: Grammar

    /// How the command comes.
    enum Form: Sendable {
        case line
        /// Its literals may be literal8 (RFC 5464 §5).
        case lineWithBinary
        /// Behind a mailbox comes a message, or several (RFC 3502).
        case append
        /// A message's number, a mailbox, and a message (RFC 8508 §7).
        case replace
    }

    /// In capitals.
    let name: String
    let form: Form
    /// From the space behind the name on.
    let parse: @Sendable (inout ArgumentReader) throws(SyntaxError) -> any CommandArguments

    // MARK: Session

    let states: States
    let messages: MessageNaming
    let news: News
    let rights: RightsNeeded
    /// What CAPABILITY lists for it.
    let capabilities: [Capability]
    /// Why it is not served now, though its state is right; nil: it is.
    let objection: (@Sendable (Capability.Circumstances) -> StatusResponse?)?

    // MARK: Commands

    let action: Action

    init(
        _ name: String, form: Form = .line, states: States, messages: MessageNaming, news: News, rights: RightsNeeded, capabilities: [Capability],
        objection: (@Sendable (Capability.Circumstances) -> StatusResponse?)?,
        parse: @escaping @Sendable (inout ArgumentReader) throws(SyntaxError) -> any CommandArguments, action: Action
    ) {
        self.name = name
        self.form = form
        self.states = states
        self.messages = messages
        self.news = news
        self.rights = rights
        self.capabilities = capabilities
        self.objection = objection
        self.parse = parse
        self.action = action
    }

    /// Whether who is in these circumstances may give it at some time: then its capabilities are listed.
    func isServed(_ circumstances: Capability.Circumstances) -> Bool {
        let states: States = circumstances.isAuthenticated ? .loggedIn : .stranger
        return !self.states.isDisjoint(with: states) && objection?(circumstances) == nil
    }
}

extension VerbRow {
    /// In which states it may come (RFC 9051 §3).
    struct States: OptionSet, Sendable {
        let rawValue: UInt8
        static let stranger = States(rawValue: 1)
        static let authenticated = States(rawValue: 2)
        static let selected = States(rawValue: 4)
        static let loggedIn: States = [.authenticated, .selected]
        static let any: States = [.stranger, .loggedIn]
    }

    /// How its arguments and answers name messages, and whether expunges may be told before it ends.
    struct MessageNaming: Sendable {
        let numbering: Numbering?
        let tellsExpunges: Bool

        static let none = MessageNaming(numbering: nil, tellsExpunges: true)
        /// By sequence numbers: not after ENABLE UIDONLY (RFC 9586 §3).
        static let numbers = MessageNaming(numbering: .sequence, tellsExpunges: true)
        /// By sequence numbers, which must hold until it ends (RFC 9051 §7.5.1).
        static let numbersThatHold = MessageNaming(numbering: .sequence, tellsExpunges: false)
        /// By UID: what has come is told before it, for the client may know it already. Numbers among its arguments all the same are the arguments' affair
        /// (`CommandArguments.usesNumbers`, RFC 7162 §3.2.10.2).
        static let uids = MessageNaming(numbering: .uid, tellsExpunges: true)
    }

    /// What of the selected mailbox's news comes with its answer (RFC 5465 §3.1).
    enum News: Sendable {
        /// What the client wants to hear of.
        case asWished
        /// All: it asks what is new, or its own answer is.
        case all
    }

    /// The rights of RFC 4314 §4 without which it is refused, where they do not hang on its arguments; what a user may do is decided in PostOffice, which is asked.
    struct RightsNeeded: Sendable {
        /// On the selected mailbox, beside `l` and `r`, which may be lost while it is selected; nil: it is not looked at.
        var selected: Rights?
        /// On the mailbox that it names, beside `l`; nil: it names none, or that hangs on its arguments.
        var named: Rights?
        /// Messages go into the mailbox that it names: one that is missing is worth creating (RFC 9051 §7.1 TRYCREATE).
        var addsMessages = false

        static let none = RightsNeeded()
        static let toLook = RightsNeeded(selected: [])
        static func selected(_ rights: Rights) -> RightsNeeded { RightsNeeded(selected: rights) }
        static func named(_ rights: Rights) -> RightsNeeded { RightsNeeded(named: rights) }
        static let toAdd = RightsNeeded(named: .insert, addsMessages: true)
        static let toCopy = RightsNeeded(selected: [], named: .insert, addsMessages: true)
        static let toMove = RightsNeeded(selected: [.deleteMessages, .expunge], named: .insert, addsMessages: true)
    }

    enum Action: Sendable {
        /// The session acts on it itself; nil: it goes on reading.
        case session(@Sendable (inout IMAPSession, Command, Tag, inout ByteBuffer) -> Step<IMAPWork>?)
        /// The office is asked.
        case execution(@Sendable (inout CommandExecution, any CommandArguments) async throws -> StatusResponse)
        /// Its message comes in bit by bit (`CommandEvent.appendBegin`).
        case stream
    }
}
