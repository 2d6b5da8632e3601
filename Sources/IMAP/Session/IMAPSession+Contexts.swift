import Conversation
import MailModel
import NIOCore

// Searches that are kept up to date (RFC 5267 §4.3): told with the news that change them, before the answer of the command under way.
extension IMAPSession {
    /// A command ends: its answer, unless news have to be told or contexts worked out first, or other answers wait for that.
    mutating func conclude(_ tag: Tag, _ answer: Answer, _ output: inout ByteBuffer) {
        guard isOwing || !delayed.isEmpty else { return say(tag, answer, &output) }
        delayed.append((tag, answer))
    }

    var isOwing: Bool { contexts.isBehind || !untold.isEmpty }

    /// Nil: there is nothing to tell or to work out.
    mutating func updateContexts() -> Step<IMAPWork>? {
        guard isOwing, pending.isEmpty, case .selected(let login, let view) = state else { return nil }
        let job = Job(
            tag: .context, command: Command(.search, NoArguments()), principal: login.principal, dialect: dialect, view: view)
        pending.append(.update)
        defer { untold = [] }
        return .work(.update(Updating(list: contexts.list, undecided: contexts.undecided, untold: untold, job: job)))
    }

    mutating func absorbUpdate(_ bytes: ByteBuffer, _ updated: [UpdatingContext], _ output: inout ByteBuffer) {
        output.writeImmutableBuffer(bytes)
        contexts.settle(updated)
        let answers = delayed
        delayed = []
        for (tag, answer) in answers { say(tag, answer, &output) }
    }

    /// RFC 5267 §4.3.1: told before the answer of the search.
    mutating func begin(_ wish: ContextWish?, _ tag: Tag, _ output: inout ByteBuffer) {
        switch wish {
        case .kept(let context) where contexts.admit(context): break
        case .kept: output.writeUntagged(.no("There is no room for more contexts", .noUpdate(tag)))
        case .refused(let reason): output.writeUntagged(.no(reason, .noUpdate(tag)))
        case nil: break
        }
    }
}

/// What became of a search's UPDATE.
enum ContextWish: Sendable {
    case kept(UpdatingContext)
    case refused(String)
}

extension Tag {
    /// Of what no command has asked for.
    fileprivate static var context: Tag { Tag(known: "CONTEXT") }
}
