import Crypto
import FoundationEssentials
import MailModel
import Storage

// Accounts and mailboxes that the index lacks.
extension Recovery {
    /// Looks through every file for later holders, and for whose mail there is.
    func findHolders() throws {
        let files = RecordFile.all(bodies)
        for (index, file) in files.enumerated() {
            if index % 16 == 0 { progress("looking at file \(index + 1) of \(files.count)") }
            try file.walk { _, found in
                switch found.content {
                case .body(let header, let block):
                    lastBody = max(lastBody, header.body.rawValue)
                    for holder in block?.holders ?? [] where holder.holder != .queue { named.insert(holder.account) }
                case .holders(let block):
                    for holder in block.holders where holder.holder != .queue { named.insert(holder.account) }
                    later[block.body.rawValue, default: []] += block.holders
                }
            }
        }
    }

    /// Accounts whose key is there and that the index lacks, and mailboxes of theirs and of others that it lost.
    func makeAccounts(_ connection: Connection, isNew: Bool) throws {
        try connection.execute("BEGIN IMMEDIATE")
        do {
            if isNew, let summary = catalogue?.summary {
                for domain in summary.domains { try connection.run("INSERT OR IGNORE INTO domain VALUES (?)", .text(domain.value)) }
            }
            if isNew { try restorePairs(connection) }
            var known: Set<Int64> = []
            let rows = try connection.prepare("SELECT id FROM account")
            while try rows.step() { known.insert(rows.int(0)) }
            rows.reset()
            for id in Set(accountKeys.keys).union(catalogue?.accounts.keys.map { $0 } ?? []).sorted() where !known.contains(id.rawValue) {
                guard let key = accountKeys[id] else {
                    let name = catalogue?.accounts[id]?.record.name.description ?? "\(id.rawValue)"
                    if isNew { report.note("account \(name): its key is nowhere, it was removed or its mail is lost") }
                    continue
                }
                guard isNew || catalogue?.accounts[id] != nil || named.contains(id) else { continue }
                try make(id, key.key, key.sealed, key.name, connection)
            }
            if isNew, let summary = catalogue?.summary {
                for (table, last) in [("account", summary.lastAccount), ("mailbox", summary.lastMailbox)] {
                    try connection.run(
                        "INSERT INTO sqlite_sequence (name, seq) SELECT ?, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name=?)",
                        .text(table), .text(table))
                    try connection.run("UPDATE sqlite_sequence SET seq=max(seq, ?) WHERE name=?", .int(last), .text(table))
                }
            }
            try connection.execute("COMMIT")
        } catch {
            try? connection.execute("ROLLBACK")
            throw error
        }
    }

    private func make(_ id: AccountID, _ key: SymmetricKey, _ sealed: [UInt8], _ keyName: AccountName?, _ connection: Connection) throws {
        let told = catalogue?.accounts[id]
        let name = try told?.record.name ?? keyName ?? AccountName("account-\(id.rawValue)@recovered.invalid")
        var line = RecoveryReport.Account(name: name.description)
        line.isMade = true
        lines[id] = line
        let modSeq = (told?.modSeq.rawValue ?? 0) &+ Recovery.modSeqGap
        let login = told?.record.lastLogin.map { SQLValue.int($0.rawValue) } ?? .null
        try connection.run("INSERT OR IGNORE INTO domain VALUES (?)", .text(name.domain.value))
        let isTaken = try connection.number("SELECT 1 FROM account WHERE folded=?", .text(name.folded)) != nil
        let text = isTaken ? "recovered-\(id.rawValue)@\(name.domain.value)" : name.description
        try connection.run(
            "INSERT INTO account (id, name, folded, domain, password, enabled, created, last_login, mod_seq, uid_validity, sealed_key) "
                + "VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            .int(id.rawValue), .text(text), .text(isTaken ? text : name.folded), .text(name.domain.value), .text(told?.record.passwordHash ?? ""),
            .int(told?.record.enabled == true ? 1 : 0), .int(told?.record.created.rawValue ?? now.rawValue), login, .int(Int64(clamping: modSeq)),
            .int(Int64(told?.uidValidity ?? 0)), .blob(sealed))
        // What happened before is not told any more.
        let floor = SQLValue.int(Int64(clamping: modSeq))
        try connection.run("INSERT OR REPLACE INTO change_floor VALUES (?,?,?)", .int(id.rawValue), floor, floor)
        if told == nil { report.note("account \(text): made from its key alone, disabled and without a password") }
        guard let belongings = catalogue?.belongings(of: id, key) else { return }
        let account = AccountEntry(
            record: AccountRecord(id: id, name: name, passwordHash: "", enabled: false, created: now, lastLogin: nil),
            modSeq: ModSeq(rawValue: modSeq) ?? .zero, uidValidity: told?.uidValidity ?? 0, key: key)
        for kind in TableList.kinds { try kind.restore(belongings, of: account, self, connection) }
    }

    /// INBOX and the provided ones, for an account of which only the key is left.
    func makeFirstMailboxes(_ transaction: Transaction) throws {
        for id in transaction.catalog.read({ Array($0.accounts.keys) }).sorted() where transaction.mailbox(named: .inbox, of: id) == nil {
            guard lines[id]?.isMade == true else { continue }
            var made = [try transaction.create(.inbox, of: id, specialUse: nil).name]
            for (use, name) in SpecialUse.provided {
                guard let name = MailboxName(name), transaction.mailbox(named: name, of: id) == nil else { continue }
                made.append(try transaction.create(name, of: id, specialUse: use).name)
            }
            for name in made { try transaction.set(subscribed: true, to: name, of: id) }
        }
    }

    func countInPlace(_ transaction: Transaction) throws {
        for mailbox in transaction.catalog.read({ Array($0.mailboxes.values) }) {
            lines[mailbox.record.account]?.inPlace += Int(
                try transaction.connection.number("SELECT count(*) FROM message WHERE mailbox=?", .int(mailbox.record.id.rawValue)) ?? 0)
        }
    }
}
