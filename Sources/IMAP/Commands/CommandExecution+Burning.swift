import MailModel
import PostOffice
import Storage

// What burns by the number of messages or mailboxes leaves the event loop.
extension CommandExecution {
    /// So many messages, and such work on them as an answer's, take less than a millisecond.
    static let fewMessages = 4_096

    /// Does work that takes time by the number of messages; of many messages it leaves the event loop.
    mutating func burn<Value: Sendable>(_ messages: Int, _ body: @escaping @Sendable (inout CommandExecution) throws -> Value) async throws -> Value {
        guard messages > CommandExecution.fewMessages else { return try body(&self) }
        let (execution, value) = try await offLoop { [self] in
            var execution = self
            let value = try body(&execution)
            return (execution, value)
        }
        self = execution
        return value
    }

    /// What `body` finds among rows of the view: where there are many places, off the loop.
    func find<Value: Sendable>(
        at places: [Range<Int>], of view: MailboxView, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        guard places.reduce(0, { $0 + $1.count }) > CommandExecution.fewMessages else { return try await withRows(of: view, body) }
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
