import MailModel
import PostOffice
import Storage

// EXPUNGE, UID EXPUNGE and CLOSE (RFC 9051 §6.4.2, §6.4.3, §6.4.9; RFC 4315 §2.1).
extension CommandExecution {
    mutating func expunge(_ set: SequenceSet?) async throws -> StatusResponse {
        let view = try selectedView()
        guard !view.isReadOnly else { return .readOnly }
        var uids: NumberSet?
        if let set {
            let named = try await withRows(of: view) { try view.places(of: set, .uid) }
            // Those that have not \Deleted are not processed.
            let deleted = try await find(at: named, of: view) { try view.places(ofUIDs: view.current.uids(deletedAmong: view.uids(at: named))) }
            let places = try await withRows(of: view) { try limited(deleted, of: view) }
            uids = try await self.uids(at: places, of: view)
        }
        if let uids, uids.isEmpty { return .ok("EXPUNGE done") }
        let expunged = try await mailroom.expunge(uids, in: view.mailbox)
        guard dialect.hasModSeqs, let modSeq = expunged.modSeq else { return .ok("EXPUNGE done") }
        return .ok("EXPUNGE done", .highestModSeq(modSeq))
    }

    mutating func close() async throws -> StatusResponse {
        let view = try selectedView()
        // One that was deleted meanwhile is left all the same (RFC 2180 §3).
        if !view.isReadOnly, !view.current.isDeleted {
            do {
                _ = try await mailroom.expunge(nil, in: view.mailbox)
            } catch MailroomRefusal.notPermitted {
                // RFC 4314 §4: without "e" it is closed all the same.
            } catch StorageFault.noSuchMailbox {
                // Deleted just now.
            }
        }
        self.view = nil
        effect = .unselected
        return .ok("CLOSE done")
    }
}

extension MailboxSnapshot {
    /// Those of `uids` that have `\Deleted`.
    fileprivate func uids(deletedAmong uids: NumberSet) throws -> NumberSet {
        NumberSet(try rows(uids).lazy.filter { $0.row.flags.contains(.deleted) }.map(\.row.uid))
    }
}
