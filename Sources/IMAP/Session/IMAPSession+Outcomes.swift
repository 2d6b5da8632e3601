import Conversation
import MailModel
package import NIOCore

// What became of work.
extension IMAPSession {
    package mutating func absorb(_ outcome: IMAPOutcome, _ output: inout ByteBuffer) {
        guard !pending.isEmpty else { return }
        let next = pending.removeFirst()
        if pending.isEmpty { lastTurn = nil }
        switch (next, outcome) {
        case (.login(let tag, _), .login(let result)):
            absorb(result, tag, &output)
        case (.command(let tag, let verb), .command(let completion)):
            absorb(completion, tag, verb, &output)
        case (.watch(let tag), .watching(let watch)):
            idle(tag, watch: watch, &output)
        case (.notice, .noticed(let completion)):
            absorbNotice(completion, &output)
        case (.update, .updated(let bytes, let updating)):
            absorbUpdate(bytes, updating.list, &output)
        case (.target(let receiving), .target(let refusal)):
            absorbTarget(refusal, receiving, &output)
        case (.rows, .rows(let refusal)):
            absorbRows(refusal, &output)
        case (.chunk, .received):
            break
        case (.inclusion, .included(let outcome)):
            absorb(outcome, &output)
        case (.placing(let tag, let verb, _), .placed(let answer, let notice)):
            if let notice { output.writeUntagged(notice) }
            finish(tag, verb, answer, &output)
        default:
            assertionFailure("an outcome is absorbed in the order in which its work was begun")
        }
    }

    private mutating func absorb(_ completion: Completion, _ tag: Tag, _ verb: Verb, _ output: inout ByteBuffer) {
        guard let login else { return }
        dialect = completion.dialect
        output.writeImmutableBuffer(completion.output)
        begin(completion.context, tag, &output)
        // NOTIFY SET tells first what there was to tell before it (RFC 5465 §3.1).
        defer {
            if let asked = completion.notifications {
                notifications = asked
                owed = NumberSet()
            }
        }
        switch completion.effect {
        case .none, .overflow:
            finish(tag, verb, completion.answer, &output)
        case .view(let view):
            state = .selected(login, view)
            tellNews(
                after: verb, completion.answer.code, expunges: Legality.tellsExpunges(verb) && !completion.usedNumbers, &output)
            conclude(tag, completion.answer, &output)
        case .selected(let view):
            state = .selected(login, view)
            owed = NumberSet()
            contexts = Contexts()
            say(tag, completion.answer, &output)
        case .unselected:
            state = .authenticated(login)
            owed = NumberSet()
            contexts = Contexts()
            say(tag, completion.answer, &output)
        }
    }
}
