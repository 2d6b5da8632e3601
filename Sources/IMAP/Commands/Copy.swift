import MailModel
import PostOffice
import Storage

// COPY (RFC 9051 §6.4.7; RFC 4315 §3 COPYUID).
extension CommandExecution {
    mutating func copy(_ set: SequenceSet, to target: MailboxArgument, _ numbering: Numbering) async throws -> StatusResponse {
        let view = try selectedView()
        let places = try await withRows(of: view) { try view.places(of: set, numbering) }
        let uids = try await messages(places, numbering, view)
        try checkLimit(uids)
        guard !uids.isEmpty else { return .ok("Nothing to copy") }
        let copied = try await mailroom.copy(uids, from: view.mailbox, to: try existing(target), of: principal)
        return .ok("COPY done", copied.code)
    }

    /// All of them or none (RFC 9051 §6.4.7): one that is gone under its number ends the command.
    func messages(_ places: [Range<Int>], _ numbering: Numbering, _ view: MailboxView) async throws -> NumberSet {
        try await find(at: places, of: view) {
            let uids = try view.uids(at: places)
            if numbering == .sequence, try view.lacksSome(of: uids) { throw Ending(.expungeIssued) }
            return uids
        }
    }
}

extension Copied {
    /// Nil when no message was left to copy.
    var code: ResponseCode? {
        source.isEmpty ? nil : .copyUID(uidValidity, source: source, target: target)
    }
}
