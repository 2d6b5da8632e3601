import Conversation
import MailModel
package import NIOCore

// What became of work.
extension IMAPSession {
    package mutating func absorb(_ outcome: IMAPOutcome, _ output: inout ByteBuffer) {
        guard !pending.isEmpty else { return }
        let next = pending.removeFirst()
        if pending.isEmpty { lastTurn = nil }
        switch next {
        case .login(let tag):
            guard case .login(let result) = outcome else { return IMAPSession.noteDisorder() }
            absorb(result, tag, &output)
        case .command(let tag, let verb):
            guard case .command(let completion) = outcome else { return IMAPSession.noteDisorder() }
            absorb(completion, tag, verb, &output)
        case .watch(let tag):
            guard case .watching(let watch) = outcome else { return IMAPSession.noteDisorder() }
            idle(tag, watch: watch, &output)
        case .notice:
            guard case .noticed(let completion) = outcome else { return IMAPSession.noteDisorder() }
            absorbNotice(completion, &output)
        case .update:
            guard case .updated(let bytes, let updating) = outcome else { return IMAPSession.noteDisorder() }
            absorbUpdate(bytes, updating.list, &output)
        case .target(let receiving):
            guard case .target(let refusal) = outcome else { return IMAPSession.noteDisorder() }
            absorbTarget(refusal, receiving, &output)
        case .rows:
            guard case .rows(let refusal) = outcome else { return IMAPSession.noteDisorder() }
            absorbRows(refusal, &output)
        case .chunk:
            guard case .received = outcome else { return IMAPSession.noteDisorder() }
        case .inclusion:
            guard case .included(let outcome) = outcome else { return IMAPSession.noteDisorder() }
            absorb(outcome, &output)
        case .placing(let tag, let verb, _):
            guard case .placed(let answer, let notice) = outcome else { return IMAPSession.noteDisorder() }
            if let notice { output.writeUntagged(notice) }
            finish(tag, verb, answer, &output)
        }
    }

    private static func noteDisorder() { assertionFailure("an outcome is absorbed in the order in which its work was begun") }

    private mutating func absorb(_ completion: Completion, _ tag: Tag, _ verb: Verb, _ output: inout ByteBuffer) {
        guard let login else { return }
        dialect = completion.dialect
        output.writeImmutableBuffer(completion.output)
        begin(completion.context, tag, &output)
        // NOTIFY SET tells first what there was to tell before it (RFC 5465 §3.1).
        defer {
            if let asked = completion.notifications {
                notifications = asked
                withSelection { $0.owed = NumberSet() }
            }
        }
        switch completion.effect {
        case .none, .overflow:
            finish(tag, verb, completion.answer, &output)
        case .view(let view):
            withSelection { $0.view = view }
            tellNews(
                after: verb, completion.answer.code, expunges: verb.row.messages.tellsExpunges && !completion.usedNumbers, &output)
            conclude(tag, completion.answer, &output)
        case .selected(let view):
            state = .selected(Boxed(Selection(login, view)))
            say(tag, completion.answer, &output)
        case .unselected:
            state = .authenticated(login)
            say(tag, completion.answer, &output)
        }
    }
}
