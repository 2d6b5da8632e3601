package import MailModel
package import Storage

extension MemoryStore: TraceStore {
    package func record(_ events: [TraceEvent]) async throws {
        guard !events.isEmpty else { return }
        try change(.trace) { $0.traces += events }
    }

    package func events(of transaction: TransactionID) async throws -> [TraceEvent] { try look { $0.traces(of: transaction) } }

    package func events(named name: String) async throws -> [TraceEvent] {
        try look { state in
            var transactions: [TransactionID] = []
            for event in state.traces where event.name == name && !transactions.contains(event.transaction) { transactions.append(event.transaction) }
            return Array(transactions.prefix(TraceLimits.transactions).flatMap { state.traces(of: $0) }.prefix(TraceLimits.answer))
        }
    }

    package func pruneTraces(before time: Timestamp) async throws -> Bool {
        try change(.trace) { state in
            state.traces.removeAll { $0.time < time }
            return false
        }
    }
}

extension MemoryState {
    fileprivate func traces(of transaction: TransactionID) -> [TraceEvent] {
        Array(traces.filter { $0.transaction == transaction }.sorted { $0.time < $1.time }.prefix(TraceLimits.answer))
    }
}
