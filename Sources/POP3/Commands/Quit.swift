import Conversation
import PostOffice

// QUIT (RFC 1939 §6).
extension POP3Worker {
    /// Removes what is marked, all in one or nothing.
    func update(_ marks: Marks, _ maildrop: Maildrop, _ link: any Link) async -> Bool {
        do {
            try await mailroom.remove(marks.uids(in: maildrop.rows), from: maildrop)
            return true
        } catch {
            _ = reply(to: error, .quit, link)
            return false
        }
    }
}
