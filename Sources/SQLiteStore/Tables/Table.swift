import MailModel
import Storage

/// A kind of row: everything that the store does with it, in one place. The value itself is what the catalog keeps of it in memory.
///
/// A new kind is a file with one such type, and a line in `TableList`. What a kind has nothing to do for it leaves out. Tables are asked in the order of the
/// list, in which each stands behind those that it looks at, but where something is removed: then those come first that lean on others.
protocol Table: Sendable {
    /// What one batch changes, kept aside until its commit is durable.
    associatedtype Changes: StagedChanges = NoChanges

    init()

    /// Where the table stands in the list: `TableList.place(of:)`.
    static var place: Int { get }

    /// At start: reads what the index has. What cannot be read is noted as damage and passed over; errors that are thrown keep the store from opening.
    static func load(_ connection: Connection, _ master: MasterKey, into tables: inout Catalog.State) throws

    /// Before the commit: writes what is written once a batch. Only asked when the batch has changes.
    static func write(_ changes: Changes, _ transaction: Transaction) throws
    /// After the commit, under the catalog's lock. It must not wait.
    static func publish(_ changes: Changes, in tables: inout Catalog.State, _ shown: inout [ShownTable])
    /// After a batch that failed, under the catalog's lock: what was taken from the catalog goes back.
    static func abandon(_ changes: Changes, in tables: inout Catalog.State)
    /// Whether the sealed catalogue says something of what changed.
    static func concernsCatalogue(_ changes: Changes) -> Bool

    /// A mailbox has been made, right below `superior` where that is there.
    static func welcome(_ mailbox: MailboxRecord, below superior: MailboxID?, _ transaction: Transaction) throws
    /// A mailbox is being removed: its rows go.
    static func remove(_ mailbox: MailboxRecord, _ transaction: Transaction) throws
    /// An account has been made, and has no mailboxes yet.
    static func welcome(_ account: AccountRecord, _ transaction: Transaction) throws
    /// An account is being removed: its rows go, and what others' rows say of it.
    static func remove(_ account: AccountRecord, _ transaction: Transaction) throws
    /// The account's removal is committed, and everything of the batch is published.
    mutating func forget(_ account: AccountID)

    /// `store check`: what should be so of the rows, and is not. Reads only, beside deliveries.
    static func check(_ store: SQLiteStore, _ check: inout StoreCheck) async throws

    /// What the sealed catalogue says of an account's rows, from memory and under the catalog's lock, or from the disk.
    static func describe(_ account: AccountEntry, _ tables: borrowing Catalog.State, in belongings: inout CatalogueBelongings)
    static func describe(_ account: AccountEntry, _ connection: Connection, in belongings: inout CatalogueBelongings) throws
    /// `store recover` has made the account anew: its rows come back.
    static func restore(_ belongings: CatalogueBelongings, of account: AccountEntry, _ recovery: Recovery, _ connection: Connection) throws
}

/// What a batch changes of a table, which is nothing at first.
protocol StagedChanges {
    init()
}

/// Of rows that are not kept in memory.
struct NoChanges: StagedChanges {}

/// A table some columns of which are changed in memory first, for they are not worth a commit of their own; they are written along with the next change.
protocol NotedTable: Table {
    /// Whether some wait.
    var hasNotes: Bool { get }
    /// Takes them; until the commit is durable they are among the changes.
    mutating func takeNotes(into changes: inout Changes)
    static func writeNotes(_ changes: Changes, _ transaction: Transaction) throws
}

/// A table of messages that somebody looks at, and what it is from now on.
typealias ShownTable = (open: OpenMailbox, table: MailboxSnapshot)

extension Table {
    static func load(_ connection: Connection, _ master: MasterKey, into tables: inout Catalog.State) throws {}
    static func write(_ changes: Changes, _ transaction: Transaction) throws {}
    static func publish(_ changes: Changes, in tables: inout Catalog.State, _ shown: inout [ShownTable]) {}
    static func abandon(_ changes: Changes, in tables: inout Catalog.State) {}
    static func concernsCatalogue(_ changes: Changes) -> Bool { false }
    static func welcome(_ mailbox: MailboxRecord, below superior: MailboxID?, _ transaction: Transaction) throws {}
    static func remove(_ mailbox: MailboxRecord, _ transaction: Transaction) throws {}
    static func welcome(_ account: AccountRecord, _ transaction: Transaction) throws {}
    static func remove(_ account: AccountRecord, _ transaction: Transaction) throws {}
    mutating func forget(_ account: AccountID) {}
    static func check(_ store: SQLiteStore, _ check: inout StoreCheck) async throws {}
    static func describe(_ account: AccountEntry, _ tables: borrowing Catalog.State, in belongings: inout CatalogueBelongings) {}
    static func describe(_ account: AccountEntry, _ connection: Connection, in belongings: inout CatalogueBelongings) throws {}
    static func restore(_ belongings: CatalogueBelongings, of account: AccountEntry, _ recovery: Recovery, _ connection: Connection) throws {}
}

extension NotedTable {
    static func takeNotes(from tables: inout Catalog.State, into staged: inout Staged) {
        guard tables[Self.self].hasNotes else { return }
        tables[Self.self].takeNotes(into: &staged[Self.self])
    }

    static func writeNotes(of transaction: Transaction) throws { try writeNotes(transaction.staged[Self.self], transaction) }

    static func hasNotes(_ tables: borrowing Catalog.State) -> Bool { tables[Self.self].hasNotes }
}
