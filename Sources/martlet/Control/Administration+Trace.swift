import MailModel
import PostOffice
import Storage

// What happened to messages.
extension Administration {
    /// Octets of fields in one answer: far below `ControlLine.longest`, however they are escaped.
    private static let mostOctets = 256 << 10

    func trace(_ name: String, skipping: Int) async throws -> TracePage {
        await finishTraces()
        let events = try await events(of: name).dropFirst(max(0, skipping))
        var lines: [TraceLine] = []
        var octets = 0
        for event in events {
            octets += event.fields.reduce(event.name?.utf8.count ?? 0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
            guard lines.isEmpty || (octets <= Administration.mostOctets && lines.count < 500) else { return TracePage(lines: lines, hasMore: true) }
            lines.append(
                TraceLine(
                    transaction: event.transaction.value, time: event.time.description, event: "\(event.kind)",
                    messageID: event.kind == .queued ? nil : event.name, fields: try shown(event.fields)))
        }
        return TracePage(lines: lines, hasMore: false)
    }

    /// A mailbox is called as it is called now.
    private func shown(_ fields: [String: String]) throws -> [String: String] {
        guard let number = fields["mailbox"].flatMap({ Int64($0) }) else { return fields }
        return fields.merging(["mailbox": try store.record(of: MailboxID(rawValue: number)).map { "\($0.name)" } ?? "a mailbox that is gone"]) { $1 }
    }

    private func events(of name: String) async throws -> [TraceEvent] {
        if name.contains("@") {
            // As the field has it, and as people copy it.
            let found = try await store.events(named: name)
            return found.isEmpty && !name.hasPrefix("<") ? try await store.events(named: "<\(name)>") : found
        }
        if let number = Int64(name) {
            let found = try await store.events(named: TraceEvent.name(of: QueueID(rawValue: number)))
            if !found.isEmpty { return found }
            // From before entries were found by their number.
            do { return try await store.events(of: desk.show(QueueID(rawValue: number)).draft.transaction) } catch StorageFault.noSuchMessage {
                // It may be called so all the same.
            }
        }
        guard let transaction = TransactionID(name) else { return [] }
        return try await store.events(of: transaction)
    }
}
