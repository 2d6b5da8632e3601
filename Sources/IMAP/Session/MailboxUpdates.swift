import MailModel
import NIOCore

/// Changes of the selected mailbox that are too many to be kept as text: the answers are written as the client takes them.
struct MailboxUpdates: Sendable {
    /// What comes before and behind them.
    let opening: ByteBuffer
    let closing: ByteBuffer
    /// Numbers, the highest to be told first.
    let expunged: NumberSet
    let vanished: NumberSet
    let exists: Int?
    let hasNewKeywords: Bool
    /// UIDs.
    let changed: NumberSet
    /// After them.
    let view: MailboxView

    /// Lines that are written at once.
    static let most = 2_048

    init(_ news: MailboxView.News, _ view: MailboxView, opening: ByteBuffer, closing: ByteBuffer) {
        self.opening = opening
        self.closing = closing
        expunged = NumberSet(news.expunged.map { UInt32(clamping: $0)...UInt32(clamping: $0) })
        vanished = news.vanished
        exists = news.exists
        hasNewKeywords = news.hasNewKeywords
        changed = NumberSet(news.changed.lazy.map(\.row.uid))
        self.view = view
    }

    static func areNeeded(for news: MailboxView.News, _ dialect: Dialect) -> Bool {
        news.changed.count + (dialect.tellsVanished ? 0 : news.expunged.count) > most
    }
}
