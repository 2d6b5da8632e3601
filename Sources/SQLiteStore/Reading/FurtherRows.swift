import MailModel
import Storage

/// Reads and writes the rows about messages with further keywords, which stand beside those of `message`.
enum FurtherRows {
    /// Of the messages with those UIDs.
    static func read(_ uids: ClosedRange<UInt32>, of mailbox: MailboxID, _ connection: Connection) throws -> [UID: FurtherKeywords] {
        let statement = try connection.prepare("SELECT uid, bits FROM further WHERE mailbox=? AND uid BETWEEN ? AND ?")
        try statement.bind([.int(mailbox.rawValue), .int(Int64(uids.lowerBound)), .int(Int64(uids.upperBound))])
        defer { statement.reset() }
        var found: [UID: FurtherKeywords] = [:]
        while try statement.step() {
            guard let uid = UInt32(exactly: statement.int(0)).flatMap(UID.init(rawValue:)), let keywords = FurtherKeywords(octets: statement.blob(1)) else {
                throw StorageFault.corrupt("mailbox \(mailbox.rawValue): further keywords of UID \(statement.int(0))")
            }
            found[uid] = keywords
        }
        return found
    }

    /// The messages that have further keywords from now on, or have none where those given are empty.
    static func write(_ further: [UID: FurtherKeywords], in mailbox: MailboxID, _ transaction: Transaction) throws {
        guard !further.isEmpty else { return }
        let connection = transaction.connection
        try transaction.write {
            let insert = try connection.prepare("INSERT OR REPLACE INTO further VALUES (?,?,?)")
            let delete = try connection.prepare("DELETE FROM further WHERE mailbox=? AND uid=?")
            for (uid, keywords) in further.sorted(by: { $0.key < $1.key }) {
                let row = [SQLValue.int(mailbox.rawValue), .int(Int64(uid.rawValue))]
                if keywords.isEmpty {
                    try delete.bind(row)
                    try delete.run()
                } else {
                    try insert.bind(row + [.blob(keywords.octets)])
                    try insert.run()
                }
            }
        }
    }

    static func remove(_ uids: ClosedRange<UInt32>, of mailbox: MailboxID, _ transaction: Transaction) throws {
        try transaction.write(
            "DELETE FROM further WHERE mailbox=? AND uid BETWEEN ? AND ?", .int(mailbox.rawValue), .int(Int64(uids.lowerBound)),
            .int(Int64(uids.upperBound)))
    }

    /// Does to the messages of those UIDs what a record of flags says.
    static func change(_ uids: ClosedRange<UInt32>, of mailbox: MailboxID, _ change: FlagMask.Further, _ transaction: Transaction) throws {
        if change.removesAll, change.added.isEmpty { return try remove(uids, of: mailbox, transaction) }
        let known = try read(uids, of: mailbox, transaction.connection)
        var changed: [UID: FurtherKeywords] = [:]
        for (uid, old) in known {
            let new = change.applied(to: old)
            if new != old { changed[uid] = new }
        }
        let fresh = change.applied(to: FurtherKeywords())
        if !fresh.isEmpty {
            let statement = try transaction.connection.prepare("SELECT uid FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?")
            try statement.bind([.int(mailbox.rawValue), .int(Int64(uids.lowerBound)), .int(Int64(uids.upperBound))])
            defer { statement.reset() }
            while try statement.step() {
                guard let uid = UInt32(exactly: statement.int(0)).flatMap(UID.init(rawValue:)), known[uid] == nil else { continue }
                changed[uid] = fresh
            }
        }
        try write(changed, in: mailbox, transaction)
    }
}
