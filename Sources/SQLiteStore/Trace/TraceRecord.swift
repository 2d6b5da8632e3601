import MailModel
import NIOCore
import Storage

/// What one call says of one transaction: one row.
struct TraceRecord: Sendable {
    var events: [TraceEvent]

    static func gather(_ events: [TraceEvent]) -> [TraceRecord] {
        var places: [TransactionID: Int] = [:]
        var records: [TraceRecord] = []
        for event in events {
            if let place = places[event.transaction], records[place].name == nil || event.name == nil || records[place].name == event.name {
                records[place].events.append(event)
            } else {
                places[event.transaction] = records.count
                records.append(TraceRecord(events: [event]))
            }
        }
        return records
    }

    var name: String? { events.lazy.compactMap(\.name).first }

    static func label(_ trail: Int64) -> Label { Label(kind: .trace, id: trail) }

    func encode() -> [UInt8] {
        var out = ByteBuffer()
        out.writeCompact(events.first?.transaction.value ?? "")
        out.writeCompact(UInt64(events.count))
        for event in events {
            out.writeInteger(event.kind.rawValue)
            out.writeSigned(event.time.rawValue)
            out.writeInteger(UInt8(event.name == nil ? 0 : 1))
            if let id = event.name { out.writeCompact(id) }
            out.writeCompact(UInt64(event.fields.count))
            for (key, value) in event.fields.sorted(by: { $0.key < $1.key }) {
                out.writeCompact(key)
                out.writeCompact(value)
            }
        }
        return Array(buffer: out)
    }

    /// Nil for what `encode` does not give.
    init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard let transaction = bytes.readCompactText().flatMap({ TransactionID($0) }), let count = bytes.readCount() else { return nil }
        events = []
        for _ in 0..<count {
            guard let kind = bytes.readInteger(as: UInt8.self).flatMap(TraceEvent.Kind.init), let time = bytes.readSigned(),
                let hasID = bytes.readInteger(as: UInt8.self)
            else { return nil }
            var name: String?
            if hasID == 1 {
                guard let text = bytes.readCompactText() else { return nil }
                name = text
            }
            guard let pairs = bytes.readCount() else { return nil }
            var fields: [String: String] = [:]
            for _ in 0..<pairs {
                guard let key = bytes.readCompactText(), let value = bytes.readCompactText() else { return nil }
                fields[key] = value
            }
            events.append(TraceEvent(kind, of: transaction, at: Timestamp(rawValue: time), name: name, fields))
        }
        guard bytes.readableBytes == 0 else { return nil }
    }

    init(events: [TraceEvent]) { self.events = events }
}

extension TraceRecord {
    static func open(_ row: Statement, _ column: Int32, _ trail: Int64, _ keys: TraceKeys) throws -> TraceRecord {
        let octets = try row.withBlob(column) { try Seal.open($0, under: keys.seal, as: label(trail)) }
        guard let record = TraceRecord(ByteBuffer(bytes: octets)) else { throw StorageFault.corrupt("a trace: what it says") }
        return record
    }
}
