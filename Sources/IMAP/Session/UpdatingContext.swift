import MailModel
import PostOffice

/// A search whose client is told how its results change (RFC 5267 §4.3).
struct UpdatingContext: Sendable {
    let tag: Tag
    let numbering: Numbering
    /// It means the same whatever is expunged or saved.
    let key: SearchKey
    /// As the client was told last.
    var results: LiveResults

    init(tag: Tag, _ numbering: Numbering, _ key: SearchKey, _ results: LiveResults) {
        self.tag = tag
        self.numbering = numbering
        self.key = key
        self.results = results
    }
}

extension ContextUpdate {
    /// In what the client calls messages, which are all in the view. `RowsNotAtHand`.
    init(_ change: ResultChange, _ numbering: Numbering, _ view: MailboxView) throws {
        let told = numbering == .uid ? [:] : try view.numbers(told: change.uids)
        func run(_ run: ResultChange.Run) -> Run { Run(position: run.position, numbers: run.uids.map { told[$0] ?? $0 }) }
        self.init(removed: change.removed.map(run), added: change.added.map(run))
    }
}

extension MailboxView {
    /// The sequence numbers of messages of the view, by their UIDs.
    fileprivate func numbers(told uids: NumberSet) throws -> [UInt32: UInt32] {
        Dictionary(try rows.rows(uids).lazy.map { ($0.row.uid.rawValue, UInt32(clamping: $0.index + 1)) }) { $1 }
    }
}
