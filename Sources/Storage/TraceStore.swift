package import MailModel

/// Something that happened to a message on its way through this server.
package struct TraceEvent: Hashable, Sendable {
    package enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        case received = 1
        case filed = 2
        case queued = 3
        case attempt = 4
        case delivered = 5
        case failed = 6
        case held = 7
        case released = 8
        case cancelled = 9
        case notified = 10
        /// A check said something of it.
        case judged = 11
    }

    /// What the message was called when it was taken.
    package let transaction: TransactionID
    package let time: Timestamp
    package let kind: Kind
    /// What all of the transaction is found by, on one of its events at least: the Message-ID, or `name(of:)`. 998 octets at most.
    package let name: String?
    /// What is to be said of it (`host`, `reply`, …). As many as `TraceLimits` says.
    package let fields: [String: String]

    /// What is too long is cut, what is too much left out.
    package init(_ kind: Kind, of transaction: TransactionID, at time: Timestamp, name: String? = nil, _ fields: [String: String] = [:]) {
        self.kind = kind
        self.transaction = transaction
        self.time = time
        self.name = name.map { TraceEvent.cut($0, to: TraceLimits.name) }
        let isShort = fields.count <= TraceLimits.fields && fields.allSatisfy { $0.utf8.count <= TraceLimits.key && $1.utf8.count <= TraceLimits.value }
        guard !isShort else {
            self.fields = fields
            return
        }
        var kept: [String: String] = [:]
        for (key, value) in fields.sorted(by: { $0.key < $1.key }).prefix(TraceLimits.fields) {
            kept[TraceEvent.cut(key, to: TraceLimits.key)] = TraceEvent.cut(value, to: TraceLimits.value)
        }
        self.fields = kept
    }

    /// What an entry of the queue is called, so that it is found when it is there no longer.
    package static func name(of entry: QueueID) -> String { "queue:\(entry.rawValue)" }
    package static func isName(ofEntry name: String) -> Bool { name.hasPrefix("queue:") }

    private static func cut(_ text: String, to octets: Int) -> String {
        guard text.utf8.count > octets else { return text }
        var kept = ""
        var room = octets
        for scalar in text.unicodeScalars {
            room -= UTF8.width(scalar)
            guard room >= 0 else { break }
            kept.unicodeScalars.append(scalar)
        }
        return kept
    }
}

package enum TraceLimits {
    /// Of an event.
    package static let fields = 32
    /// Octets of a field's key, of its value, and of a name.
    package static let key = 64
    package static let value = 2_000
    package static let name = 998
    /// Records that the store keeps, whatever their age: what one call of `record` says of one transaction is one. Of more the oldest go.
    package static let records = 2_000_000
    /// Transactions with one name, and events, that one answer has at most.
    package static let transactions = 100
    package static let answer = 10_000
}

/// What happened to messages, for those who may ask. It lies sealed; it is no part of what is recovered when the index is lost.
package protocol TraceStore: Sendable {
    /// Durable on return, in one commit, which it shares with others' changes. Works on a full disk as far as the disk lets it.
    func record(_ events: [TraceEvent]) async throws

    /// By time, those of one time in the order in which they were recorded; the first `TraceLimits.answer`.
    func events(of transaction: TransactionID) async throws -> [TraceEvent]

    /// Of every transaction one of whose events has that name: transaction by transaction, in the order in which they were first recorded.
    func events(named name: String) async throws -> [TraceEvent]

    /// Removes some of what is from before `time`, or too much, and overwrites it: false, there was none of it. The caller asks until then.
    func pruneTraces(before time: Timestamp) async throws -> Bool
}
