import Conversation
import MailModel
import NIOCore

// Searches that are kept up to date (RFC 5267 §4.3): told with the news that change them, before the answer of the command under way.
extension IMAPSession {
    /// A command ends: its answer, unless news have to be told or contexts worked out first, or other answers wait for that.
    mutating func conclude(_ tag: Tag, _ answer: StatusResponse, _ output: inout ByteBuffer) {
        guard case .selected(let selection) = state, selection.value.isOwing || !selection.value.delayed.isEmpty else { return say(tag, answer, &output) }
        withSelection { $0.delayed.append((tag, answer)) }
    }

    /// Nil: there is nothing to tell or to work out.
    mutating func updateContexts() -> Step<IMAPWork>? {
        guard case .selected(let held) = state, held.value.isOwing, pending.isEmpty else { return nil }
        var selection = held.value
        let job = Job(
            tag: .context, command: Command(.search, NoArguments()), principal: selection.login.principal, dialect: dialect, view: selection.view)
        pending.append(.update)
        let contexts = selection.contexts
        let updating = Updating(list: contexts.list, undecided: contexts.undecided, untold: selection.untold, job: job)
        selection.untold = []
        self.selection = selection
        return .work(.update(updating))
    }

    mutating func absorbUpdate(_ bytes: ByteBuffer, _ updated: [UpdatingContext], _ output: inout ByteBuffer) {
        output.writeImmutableBuffer(bytes)
        guard var selection else { return }
        let answers = selection.delayed
        selection.contexts.settle(updated)
        selection.delayed = []
        self.selection = selection
        for (tag, answer) in answers { say(tag, answer, &output) }
    }

    /// RFC 5267 §4.3.1: told before the answer of the search.
    mutating func begin(_ wish: ContextWish?, _ tag: Tag, _ output: inout ByteBuffer) {
        switch wish {
        case .kept(let context) where selection?.contexts.admit(context) ?? false: break
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
