import Conversation
import MailModel
import NIOCore
import PostOffice

// APPEND (RFC 9051 §6.3.12; RFC 4315 §3 APPENDUID).
extension IMAPWorker {
    /// Why a message cannot go there; nil when it can.
    func refusal(of name: MailboxName, _ principal: Principal, _ link: any Link) async -> Answer? {
        do {
            _ = try await mailroom.mailbox(name, of: principal, needing: .insert)
            return nil
        } catch {
            return complaints.answer(to: error, .append, connection: link.facts.id, addsMessages: true)
        }
    }

    func place(_ placing: Placing, _ link: any Link) async -> Answer {
        do {
            if placing.rest.readableBytes > 0 { await mailroom.receive(placing.rest, into: placing.deposit) }
            let placed = try await mailroom.place(
                placing.deposit, in: placing.mailbox, flags: placing.flags, internalDate: placing.date, turn: placing.turn,
                of: placing.principal)
            return .ok("APPEND done", .appendUID(placed.uidValidity, NumberSet([placed.uid])))
        } catch MailroomRefusal.holdsNUL where placing.isBinary {
            // RFC 3516 §4.4: binary content is not stored as it is.
            return .no("A message cannot hold NUL here", .unknownCTE)
        } catch {
            return complaints.answer(to: error, .append, connection: link.facts.id, addsMessages: true)
        }
    }
}
