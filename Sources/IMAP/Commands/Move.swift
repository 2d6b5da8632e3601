import MailModel
import PostOffice
import Storage

// MOVE (RFC 9051 §6.4.8; RFC 6851): the expunges are told before the tagged answer, as news.
extension CommandExecution {
    mutating func move(_ set: SequenceSet, to target: MailboxArgument, _ numbering: Numbering) async throws -> StatusResponse {
        let view = try selectedView()
        guard !view.isReadOnly else { return .readOnly }
        let places = try await withRows(of: view) { try limited(view.places(of: set, numbering), of: view) }
        let uids = try await messages(places, numbering, view)
        guard !uids.isEmpty else { return .ok("Nothing to move") }
        let moved = try await mailroom.move(uids, from: view.mailbox, to: try existing(target), of: principal)
        // RFC 6851 §4.3: COPYUID comes before the expunges.
        if let code = moved.code { output.writeUntagged(.ok("Moved", code)) }
        guard dialect.hasModSeqs, let live = self.view?.current, !live.isDeleted else { return .ok("MOVE done") }
        return .ok("MOVE done", .highestModSeq(live.highestModSeq))
    }
}
