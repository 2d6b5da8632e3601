import MailModel
import NIOCore
import Storage

/// The searches of one selected mailbox whose results the client is kept told of.
package struct Contexts: Sendable {
    private(set) var list: [UpdatingContext] = []
    /// UIDs of messages that came or changed since.
    private(set) var undecided = NumberSet()

    /// RFC 5267 §4.3.1 leaves it to the server, down to one.
    static let most = 8
    /// Octets of memory that all of them may take.
    static let mostWeight = 4 << 20

    var isEmpty: Bool { list.isEmpty }
    /// Whether there is something to work out.
    var isBehind: Bool { !list.isEmpty && !undecided.isEmpty }

    func has(_ tag: Tag) -> Bool { list.contains { $0.tag == tag } }

    /// False when there is no room for it.
    mutating func admit(_ context: UpdatingContext) -> Bool {
        guard list.count < Contexts.most, list.reduce(context.results.weight, { $0 + $1.results.weight }) <= Contexts.mostWeight else { return false }
        list.append(context)
        return true
    }

    mutating func cancel(_ tags: [String]) { list.removeAll { tags.contains($0.tag.value) } }

    /// Messages that the client is about to be told are gone: must be told before, while their numbers hold (RFC 5267 §4.3.4).
    mutating func writeRemoval(of gone: NumberSet, _ view: MailboxView, _ output: inout ByteBuffer) throws {
        undecided = undecided.subtracting(gone)
        for index in list.indices {
            let leaving = list[index].results.members.intersection(gone)
            let numbering = list[index].numbering
            let change = list[index].results.change(gone: leaving, new: [])
            output.writeUpdate(try ContextUpdate(change, numbering, view), tag: list[index].tag, numbering)
        }
    }

    mutating func note(_ news: MailboxView.News, _ view: MailboxView) throws {
        var ranges = undecided.ranges + news.differing.map { $0.uid.rawValue...$0.uid.rawValue }
        if let first = news.firstNew { ranges += try view.uids(at: [first..<view.rows.count]).ranges }
        undecided = NumberSet(ranges)
    }

    /// What has been worked out.
    mutating func settle(_ updated: [UpdatingContext]) {
        list = updated
        undecided = NumberSet()
    }

    /// UIDONLY: those that told numbers end (RFC 9586 §3).
    mutating func endNumbered(_ output: inout ByteBuffer) {
        for context in list where context.numbering == .sequence {
            output.writeUntagged(.no("Its numbers are not told any more", .noUpdate(context.tag)))
        }
        list.removeAll { $0.numbering == .sequence }
    }
}

/// What is to be told of the selected mailbox, and then worked out of contexts.
package struct Updating: Sendable {
    var list: [UpdatingContext]
    let undecided: NumberSet
    let untold: [MailboxUpdates]
    let job: Job
}
