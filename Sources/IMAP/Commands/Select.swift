import MailModel
import PostOffice
import Storage

// SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3; RFC 3501 §6.3.1; RFC 7162 §3.1.2, §3.1.8; RFC 8474 §4.2).
extension CommandExecution {
    mutating func select(_ arguments: SelectArguments, isReadOnly: Bool) async throws -> StatusResponse {
        if arguments.resync != nil, !dialect.hasVanished { throw Ending(.bad("QRESYNC is not enabled")) }
        if arguments.resync?.sample != nil, dialect.isUIDOnly { throw Ending(.uidRequired) }
        if view != nil {
            // Whatever comes of it, the mailbox before is left (RFC 9051 §6.3.2).
            output.writeUntagged(.ok("The mailbox before is closed", .closed))
            view = nil
            effect = .unselected
        }
        if arguments.condstore { dialect.hasModSeqs = true }
        let mailbox = try await mailroom.open(try existing(arguments.mailbox), of: principal)
        let rights = try mailroom.rights(in: mailbox)
        // RFC 4314 §5.2
        let isReadOnly = isReadOnly || rights.isDisjoint(with: [.insert, .expunge, .seen, .write, .deleteMessages])
        let floor = dialect.isRev2 ? nil : try await recentFloor(of: mailbox, isReadOnly: isReadOnly)
        let rows = mailbox.handle.snapshot
        let opened = try await mailroom.withRows(of: mailbox) {
            try MailboxView(mailbox, isReadOnly: isReadOnly, scope: rights.flags, rows: rows, recentAbove: floor)
        }
        // RFC 9586 §3.4: it would be a number.
        let unseen = dialect.isRev2 || dialect.isUIDOnly ? nil : try await withRows(of: opened) { try rows.firstUnseen }
        describe(opened, firstUnseen: unseen)
        if let point = arguments.resync { try await resynchronise(opened, from: point) }
        effect = .selected(opened)
        return .ok("\(job.command.verb.rawValue) done", isReadOnly ? .readOnly : .readWrite)
    }

    // EXAMINE must not take \Recent away (RFC 3501 §6.3.2).
    private func recentFloor(of mailbox: OpenMailbox, isReadOnly: Bool) async throws -> UInt32 {
        guard isReadOnly else { return mailbox.handle.claimRecent() }
        return try await mailroom.status(of: mailbox.record, of: principal).recentFloor
    }

    private mutating func describe(_ opened: MailboxView, firstUnseen: Int?) {
        let rows = opened.rows
        output.writeFlagsOf(opened)
        output.writeExists(rows.count)
        if !dialect.isRev2 {
            output.writeRecent(opened.recentCount)
            if let firstUnseen { output.writeUntagged(.ok("First unseen", .unseen(UInt32(clamping: firstUnseen + 1)))) }
        }
        output.writeUntagged(.ok("UIDs are valid", .uidValidity(rows.uidValidity)))
        output.writeUntagged(.ok("Predicted next UID", .uidNext(rows.uidNext)))
        output.writeUntagged(.ok("The mailbox, whatever its name", .mailboxID(rows.mailbox)))
        output.writeUntagged(.ok("Highest ModSeq", .highestModSeq(rows.highestModSeq)))
        if dialect.isRev2 {
            output.writeListing(MailboxListing(opened.mailbox.record.name), .list, dialect.textMode)
        }
    }
}
