import Conversation
import MailModel
import NIOCore

// The kinds of rows. What a verb of messages might forget has no default.
extension VerbRow {
    typealias Parser<Arguments> = @Sendable (inout ArgumentReader) throws(SyntaxError) -> Arguments

    /// The session answers at once, and then by OK.
    static func answered<Arguments: CommandArguments>(
        _ name: String, _ states: States, news: News = .asWished, capabilities: [Capability] = [], _ parse: @escaping Parser<Arguments>,
        _ answer: @escaping @Sendable (inout IMAPSession, Arguments, inout ByteBuffer) -> Void
    ) -> VerbRow {
        VerbRow(
            name, states: states, messages: .none, news: news, rights: .none, capabilities: capabilities, objection: nil, parse: reading(parse),
            action: .session { session, command, tag, output in
                guard let arguments = command.arguments as? Arguments else { return session.refuse(tag, .foreignArguments, &output) }
                answer(&session, arguments, &output)
                session.finish(tag, command.verb, .ok("\(name) done"), &output)
                return nil
            })
    }

    /// The session sees to it, and to its answer.
    static func takenOver<Arguments: CommandArguments>(
        _ name: String, _ states: States, capabilities: [Capability] = [],
        unless objection: (@Sendable (Capability.Circumstances) -> StatusResponse?)? = nil, _ parse: @escaping Parser<Arguments>,
        _ act: @escaping @Sendable (inout IMAPSession, Arguments, Tag, inout ByteBuffer) -> Step<IMAPWork>?
    ) -> VerbRow {
        VerbRow(
            name, states: states, messages: .none, news: .asWished, rights: .none, capabilities: capabilities, objection: objection,
            parse: reading(parse),
            action: .session { session, command, tag, output in
                guard let arguments = command.arguments as? Arguments else { return session.refuse(tag, .foreignArguments, &output) }
                return act(&session, arguments, tag, &output)
            })
    }

    /// The office is asked.
    static func execution<Arguments: CommandArguments>(
        _ name: String, form: Form = .line, _ states: States, _ messages: MessageNaming, _ news: News, _ rights: RightsNeeded,
        capabilities: [Capability] = [], _ parse: @escaping Parser<Arguments>,
        _ work: @escaping @Sendable (inout CommandExecution, Arguments) async throws -> StatusResponse
    ) -> VerbRow {
        VerbRow(
            name, form: form, states: states, messages: messages, news: news, rights: rights, capabilities: capabilities, objection: nil,
            parse: reading(parse),
            action: .execution { execution, arguments in
                guard let arguments = arguments as? Arguments else { throw Ending(.foreignArguments) }
                return try await work(&execution, arguments)
            })
    }

    /// A message comes with it.
    static func stream(
        _ name: String, _ form: Form, _ states: States, _ messages: MessageNaming, _ news: News, _ rights: RightsNeeded,
        capabilities: [Capability] = []
    ) -> VerbRow {
        VerbRow(
            name, form: form, states: states, messages: messages, news: news, rights: rights, capabilities: capabilities, objection: nil,
            parse: { (_) throws(SyntaxError) in throw SyntaxError("A message comes with it") }, action: .stream)
    }

    private static func reading<Arguments: CommandArguments>(_ parse: @escaping Parser<Arguments>) -> Parser<any CommandArguments> {
        let isAlone = Arguments.self == NoArguments.self
        return { (reader) throws(SyntaxError) in
            if !isAlone { try reader.space() }
            return try parse(&reader)
        }
    }
}

extension StatusResponse {
    /// To a row that works on other arguments than it reads, which the types above rule out.
    fileprivate static let foreignArguments = StatusResponse.bad("Not served")
}

extension IMAPSession {
    fileprivate mutating func refuse(_ tag: Tag, _ answer: StatusResponse, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        say(tag, answer, &output)
        return nil
    }
}
