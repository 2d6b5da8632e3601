import Conversation
import MailModel
import NIOCore
import PostOffice
import Storage

// APPEND (RFC 9051 §6.3.12; RFC 4315 §3 APPENDUID).
extension IMAPWorker {
    /// Why a message cannot go there; nil when it can.
    func refusal(of name: MailboxName, _ principal: Principal, _ link: any Link) async -> StatusResponse? {
        do {
            _ = try await mailroom.mailbox(name, of: principal, needing: .insert)
            return nil
        } catch {
            return failures.answer(to: error, .append, connection: link.facts.id)
        }
    }

    func place(_ placing: Placing, _ link: any Link) async -> IMAPOutcome {
        let answer = { .placed(failures.answer(to: $0, placing.verb, connection: link.facts.id), notice: nil) as IMAPOutcome }
        if let last = placing.filings.last, placing.rest.readableBytes > 0 { await mailroom.receive(placing.rest, into: last.incoming) }
        // RFC 9755 §4 has headers beyond ASCII refused before ENABLE UTF8=ACCEPT. They are taken all the same: old mail has them, and a client
        // that moves a mailbox here (mbsync, imapsync) enables nothing and would leave it behind.
        do {
            let placed = try await mailroom.place(
                placing.filings, in: placing.mailbox, superseding: placing.superseded.map { ($0.uids, $0.mailbox) }, turn: placing.turn,
                of: placing.principal)
            guard let first = placed.first else { return answer(StorageFault.unavailable("nothing was placed")) }
            let code = ResponseCode.appendUID(first.uidValidity, NumberSet(placed.map(\.uid)))
            guard let superseded = placing.superseded else { return .placed(.ok("APPEND done", code), notice: nil) }
            // RFC 8508 §3.3: APPENDUID comes before the expunge.
            let modSeq = placing.hasModSeqs && first.mailbox == superseded.mailbox.id ? ResponseCode.highestModSeq(first.modSeq) : nil
            return .placed(.ok("REPLACE done", modSeq), notice: .ok("The replacement is there", code))
        } catch MailroomRefusal.holdsNUL where placing.isBinary {
            // RFC 3516 §4.4: binary content is not stored as it is.
            return .placed(.no("A message cannot hold NUL here", .unknownCTE), notice: nil)
        } catch {
            return answer(error)
        }
    }
}
