import MailModel
import PostOffice
import Storage

// What burns by the number of messages or mailboxes leaves the event loop.
extension Errand {
    /// So many messages, and such work on them as an answer's, take less than a millisecond.
    static let fewMessages = 4_096

    /// Does to the errand what burns by the number of messages: of many, off the loop.
    mutating func burn<Value: Sendable>(_ messages: Int, _ body: @escaping @Sendable (inout Errand) throws -> Value) async throws -> Value {
        guard messages > Errand.fewMessages else { return try body(&self) }
        let (errand, value) = try await offLoop { [self] in
            var errand = self
            let value = try body(&errand)
            return (errand, value)
        }
        self = errand
        return value
    }

    /// What `body` finds among rows of the view: where there are many places, off the loop.
    func find<Value: Sendable>(
        at places: [Range<Int>], of view: MailboxView, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        guard places.reduce(0, { $0 + $1.count }) > Errand.fewMessages else { return try await withRows(of: view, body) }
        return try await offLoop { try await withRows(of: view, body) }
    }

    func uids(at places: [Range<Int>], of view: MailboxView) async throws -> NumberSet {
        try await find(at: places, of: view) { try view.uids(at: places) }
    }

    /// What `body` makes of the mailboxes that the user sees, in order of name.
    func amongMailboxes<Value: Sendable>(_ body: @escaping @Sendable ([MailboxRecord]) -> Value) async throws -> Value {
        try await mailroom.amongMailboxes(visibleTo: principal, body)
    }
}
