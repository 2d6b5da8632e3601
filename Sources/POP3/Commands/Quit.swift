import Conversation
import MailModel
import PostOffice
import Storage

// QUIT (RFC 1939 §6).
extension POP3Worker {
    /// Messages that are looked at before others get their turn.
    private static let slice = 32_768

    /// Removes what is marked, all in one or nothing.
    func update(_ marks: Marks, _ maildrop: Maildrop, _ link: any Link) async -> Bool {
        do {
            try await mailroom.remove(try await uids(of: marks, maildrop), from: maildrop)
            return true
        } catch {
            _ = reply(to: error, .quit, link)
            return false
        }
    }

    private func uids(of marks: Marks, _ maildrop: Maildrop) async throws -> NumberSet {
        let rows = maildrop.rows
        var uids = NumberSet()
        for start in stride(from: 0, to: rows.count, by: POP3Worker.slice) {
            let places = start..<start + POP3Worker.slice
            try await mailroom.withRows(of: maildrop) { try rows.require(places) }
            try marks.addUIDs(of: places, in: rows, to: &uids)
            await Task.yield()
        }
        return uids
    }
}
