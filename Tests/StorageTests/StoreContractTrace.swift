import MailModel
import Storage
import Testing

@Suite("The storage contract: what happened to messages")
struct StoreContractTrace {
    private func event(
        _ kind: TraceEvent.Kind, _ transaction: String, at time: Int64, name: String? = nil, _ fields: [String: String] = [:]
    ) throws -> TraceEvent {
        TraceEvent(kind, of: try #require(TransactionID(transaction)), at: Timestamp(rawValue: time), name: name, fields)
    }

    @Test("events come back by transaction and by Message-ID, in order of time, after a restart too", arguments: StoreFactory.all)
    func events(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let fields = ["host": "mx.remote.example", "reply": "250 2.0.0 ü", "empty": ""]
            let first = [
                try event(.received, "one", at: 10, name: "<a@example.org>", ["peer": "192.0.2.1"]), try event(.filed, "one", at: 10),
                try event(.received, "two", at: 11, name: "<b@example.org>"), try event(.queued, "one", at: 12),
            ]
            try await house.store.record(first)
            try await house.store.record([])
            try await house.store.record([event(.delivered, "one", at: 30, fields), event(.received, "three", at: 31, name: "<a@example.org>")])
            try await house.store.record([event(.attempt, "one", at: 20, fields)])
            let again = try await house.restarted()
            let one = try await again.store.events(of: try #require(TransactionID("one")))
            #expect(one.map(\.kind) == [.received, .filed, .queued, .attempt, .delivered] && one.first == first[0] && one.last?.fields == fields)
            let both = try await again.store.events(named: "<a@example.org>")
            #expect(both.map(\.transaction.value) == Array(repeating: "one", count: 5) + ["three"] && Array(both.prefix(5)) == one)
            #expect(try await again.store.events(of: try #require(TransactionID("none"))).isEmpty)
            #expect(try await again.store.events(named: "<A@example.org>").isEmpty)
        }
    }

    @Test("two Message-IDs of one transaction both find it", arguments: StoreFactory.all)
    func twoNames(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            try await house.store.record([
                event(.received, "one", at: 1, name: "<a@example.org>"), event(.notified, "one", at: 2, name: "<b@example.org>"),
            ])
            for name in ["<a@example.org>", "<b@example.org>"] {
                #expect(try await house.store.events(named: name).map(\.kind) == [.received, .notified])
            }
        }
    }

    @Test("what is old goes in steps, and the rest stays", arguments: StoreFactory.all)
    func pruning(_ factory: StoreFactory) async throws {
        try await House.with(factory) { house in
            let name = try #require(TransactionID("x"))
            for start in stride(from: 0, to: 5_000, by: 1_000) {
                try await house.store.record(
                    try (start..<start + 1_000).map { try event(.received, "n\($0)", at: Int64($0)) } + [event(.attempt, "x", at: Int64(start))])
            }
            while try await house.store.pruneTraces(before: Timestamp(rawValue: 3_500)) {}
            for (number, isThere) in [(0, false), (3_499, false), (3_500, true), (4_999, true)] {
                #expect(try await house.store.events(of: try #require(TransactionID("n\(number)"))).isEmpty != isThere, "\(number)")
            }
            #expect(try await house.store.events(of: name).map(\.time.rawValue) == [4_000])
            #expect(try await house.store.pruneTraces(before: Timestamp(rawValue: 3_500)) == false)
        }
    }

    @Test("an event is bounded, whatever a peer said")
    func bounds() throws {
        let long = String(repeating: "ü", count: 5_000)
        var fields: [String: String] = [long: long]
        for number in 0..<100 { fields["k\(number)"] = long }
        let event = try event(.attempt, "x", at: 1, name: long, fields)
        #expect(event.fields.count == TraceLimits.fields && event.name?.utf8.count == TraceLimits.name)
        #expect(event.fields.allSatisfy { $0.utf8.count <= TraceLimits.key && $1.utf8.count == TraceLimits.value })
    }
}
