import MailModel
import Storage

/// What one batch changed, kept aside until its commit is durable. A table that the batch does not touch costs nothing.
struct Staged {
    /// By their places; empty until the first change.
    private var rows: [StagedTable?] = []

    subscript<Kind: Table>(kind: Kind.Type) -> Kind.Changes {
        _read {
            if let rows = existing(kind) { yield rows.changes } else { yield Kind.Changes() }
        }
        _modify {
            if rows.isEmpty { rows = Array(repeating: nil, count: TableList.kinds.count) }
            if let rows = existing(kind) {
                yield &rows.changes
            } else {
                let fresh = StagedRows<Kind>()
                rows[kind.place] = fresh
                yield &fresh.changes
            }
        }
    }

    private func existing<Kind: Table>(_ kind: Kind.Type) -> StagedRows<Kind>? {
        guard !rows.isEmpty, let found = rows[kind.place] else { return nil }
        return unsafeDowncast(found, to: StagedRows<Kind>.self)
    }

    /// The kinds that the batch changes.
    var touched: [any Table.Type] { zip(TableList.kinds, rows).compactMap { $1 == nil ? nil : $0 } }

    var concernsCatalogue: Bool { rows.contains { $0?.concernsCatalogue ?? false } }

    /// Writes what is written once a batch.
    func write(_ transaction: Transaction) throws { for case let table? in rows { try table.write(transaction) } }

    /// Makes all of it visible. Under the catalog's lock.
    func publish(in tables: inout Catalog.State, _ shown: inout [ShownTable]) {
        for case let table? in rows { table.publish(in: &tables, &shown) }
        for case (let id, nil) in accounts { tables.forget(id) }
    }

    func abandon(in tables: inout Catalog.State) { for case let table? in rows { table.abandon(in: &tables) } }

    /// How far the logs come, with the batch, of accounts that somebody watches.
    func modSeqs(for watches: AccountWatches) -> [AccountID: ModSeq] {
        guard !watches.isEmpty else { return [:] }
        let modSeqs = accounts.compactMapValues { $0?.modSeq }
        let watched = watches.watched(modSeqs.keys)
        return modSeqs.filter { watched.contains($0.key) }
    }
}

/// The changes of one table, whichever it is.
private class StagedTable {
    var concernsCatalogue: Bool { false }
    func write(_ transaction: Transaction) throws {}
    func publish(in tables: inout Catalog.State, _ shown: inout [ShownTable]) {}
    func abandon(in tables: inout Catalog.State) {}
}

private final class StagedRows<Kind: Table>: StagedTable {
    // The batch's own exclusivity is the changes'.
    @exclusivity(unchecked) var changes = Kind.Changes()

    override var concernsCatalogue: Bool { Kind.concernsCatalogue(changes) }
    override func write(_ transaction: Transaction) throws { try Kind.write(changes, transaction) }
    override func publish(in tables: inout Catalog.State, _ shown: inout [ShownTable]) { Kind.publish(changes, in: &tables, &shown) }
    override func abandon(in tables: inout Catalog.State) { Kind.abandon(changes, in: &tables) }
}
