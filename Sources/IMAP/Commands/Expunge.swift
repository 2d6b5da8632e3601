import MailModel
import PostOffice

// EXPUNGE, UID EXPUNGE and CLOSE (RFC 9051 §6.4.2, §6.4.3, §6.4.9; RFC 4315 §2.1).
extension Errand {
    mutating func expunge(_ set: SequenceSet?) async throws -> Answer {
        let view = try selectedView()
        guard !view.isReadOnly else { return .readOnly }
        let uids = try set.map { view.uids(at: try view.places(of: $0, .uid)) }
        if let uids, uids.isEmpty { return .ok("EXPUNGE done") }
        let expunged = try await mailroom.expunge(uids, in: view.mailbox)
        guard dialect.hasModSeqs, let modSeq = expunged.modSeq else { return .ok("EXPUNGE done") }
        return .ok("EXPUNGE done", .highestModSeq(modSeq))
    }

    mutating func close() async throws -> Answer {
        let view = try selectedView()
        if !view.isReadOnly {
            do {
                _ = try await mailroom.expunge(nil, in: view.mailbox)
            } catch MailroomRefusal.notPermitted {
                // RFC 4314 §4: without "e" it is closed all the same.
            }
        }
        self.view = nil
        effect = .unselected
        return .ok("CLOSE done")
    }
}
