import MailModel
import Storage

/// How much of each account's change log is kept: what is older than `days`, and what is more than `rows`, goes.
package struct ChangesKept: Hashable, Sendable {
    package var days: Int
    package var rows: Int

    package init(days: Int = 30, rows: Int = 1_000_000) {
        self.days = days
        self.rows = rows
    }
}

/// Below which ModSeq an account's log is not told any more. Who reads the log reads the floor in the same view of the index, so it is kept there alone.
struct ChangeFloor: Equatable {
    var modSeq = ModSeq.zero
    /// Up to here the rows are removed, but for two kinds. That messages of a mailbox that is there were expunged stays for QRESYNC (RFC 7162 §3.2.5.2), as long as the
    /// mailbox. That it was made stays so that one whose row is damaged is missed (`Loading`), with ModSeq 0.
    var pruned = ModSeq.zero

    static func read(of account: AccountID, _ connection: Connection) throws -> ChangeFloor {
        let row = try connection.prepare("SELECT mod_seq, pruned FROM change_floor WHERE account=?")
        defer { row.reset() }
        try row.bind([.int(account.rawValue)])
        guard try row.step() else { return ChangeFloor() }
        guard IndexRange.id.contains(row.int(0)), IndexRange.id.contains(row.int(1)), row.int(1) <= row.int(0),
            let floor = ModSeq(rawValue: UInt64(row.int(0))), let pruned = ModSeq(rawValue: UInt64(row.int(1)))
        else { throw StorageFault.corrupt("the floor of account \(account.rawValue)'s change log is \(row.int(0)), pruned to \(row.int(1))") }
        return ChangeFloor(modSeq: floor, pruned: pruned)
    }
}
