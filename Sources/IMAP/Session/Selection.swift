import MailModel
import NIOCore

/// What a session holds as long as a mailbox is selected, and not longer.
struct Selection: Sendable {
    let login: Login
    var view: MailboxView
    /// UIDs of new messages whose items NOTIFY owes.
    var owed = NumberSet()
    /// Searches that are kept up to date.
    var contexts = Contexts()
    /// News that are written as the client takes them.
    var untold: [MailboxUpdates] = []
    /// Answers that wait until the contexts and those news are.
    var delayed: [(tag: Tag, answer: StatusResponse)] = []

    init(_ login: Login, _ view: MailboxView) {
        self.login = login
        self.view = view
    }

    /// Something has to be told or worked out before the next answer.
    var isOwing: Bool { contexts.isBehind || !untold.isEmpty }
}

extension Selection {
    /// Tells what `bring` finds new, or keeps it to be told. `flags`: whether changes of flags are told; `own`: what the answer under way says of messages that
    /// the client put there itself. What throws leaves a selection that is worth nothing.
    mutating func tellNews(
        _ flags: Bool, _ own: ResponseCode?, _ dialect: Dialect, _ notifications: Notifications?, _ output: inout ByteBuffer,
        _ bring: (inout MailboxView) throws -> MailboxView.News
    ) throws {
        let wasBehind = view.isBehind
        var opening = ByteBuffer()
        let before = contexts.isEmpty ? nil : view
        var news = try bring(&view)
        if let before {
            if !news.vanished.isEmpty { try contexts.writeRemoval(of: news.vanished, before, &opening) }
            try contexts.note(news, view)
        }
        if !flags { news.changed = [] }
        try notifications?.noteOwed(news, view, own: own, in: &owed)
        // RFC 7162 §3.2, §6: while expunges wait the client must not believe higher ModSeqs that it has seen.
        var closing = ByteBuffer()
        if dialect.hasVanished, wasBehind || view.isBehind {
            closing.writeUntagged(.ok(view.isBehind ? "VANISHED has to wait" : "Nothing waits", .highestModSeq(view.toldModSeq)))
        }
        if untold.isEmpty, !MailboxUpdates.areNeeded(for: news, dialect) {
            output.writeImmutableBuffer(opening)
            output.writeNews(news, view, dialect)
            output.writeImmutableBuffer(closing)
        } else {
            untold.append(MailboxUpdates(news, view, opening: opening, closing: closing))
        }
    }
}
