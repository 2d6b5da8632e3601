import MailModel
import NIOCore
import Storage

/// A row of `queue_recipient`: how far an entry is with one of its recipients. What came of the last try says who gets the message, and lies sealed.
enum RecipientRow {
    private static func label(_ entry: QueueID, _ number: Int) -> Label { Label(kind: .queueAttempt, id: entry.rawValue, account: Int64(number)) }

    static func seal(_ attempt: RecipientProgress.Attempt?, of entry: QueueID, _ number: Int, under id: UInt32, _ transaction: Transaction) throws -> [UInt8]? {
        guard let attempt else { return nil }
        guard let key = transaction.queueKey(id) else { throw StorageFault.corrupt("queue entry \(entry.rawValue): its key is not there") }
        return try Seal.seal(Array(buffer: attempt.encode()), under: key, as: label(entry, number), keyID: id, nonce: transaction.nonces.next())
    }

    static func write(_ progress: RecipientProgress, _ attempt: [UInt8]?, of entry: QueueID, _ number: Int, _ transaction: Transaction) throws {
        try transaction.write(
            "INSERT OR REPLACE INTO queue_recipient VALUES (?,?,?,?,?,?,?)", .int(entry.rawValue), .int(Int64(number)), .int(Int64(progress.phase.rawValue)),
            .int(Int64(progress.attempts)), .int(progress.due.rawValue), .int(progress.isTold ? 1 : 0), attempt.map { .blob($0) } ?? .null)
    }

    /// Of entries between two, those included.
    static func read(_ entries: ClosedRange<Int64>, _ connection: Connection, _ catalog: Catalog) throws -> [QueueID: [Int: RecipientProgress]] {
        let rows = try connection.prepare(
            "SELECT entry, number, phase, attempts, due, told, attempt FROM queue_recipient WHERE entry BETWEEN ? AND ? ORDER BY entry, number")
        try rows.bind([.int(entries.lowerBound), .int(entries.upperBound)])
        defer { rows.reset() }
        var found: [QueueID: [Int: RecipientProgress]] = [:]
        while try rows.step() {
            let id = QueueID(rawValue: rows.int(0))
            let what = "queue entry \(id.rawValue), recipient \(rows.int(1))"
            let number = Int(try rows.int(1, within: IndexRange.number32, what))
            guard let phase = UInt8(exactly: rows.int(2)).flatMap(RecipientProgress.Phase.init) else { throw StorageFault.corrupt("\(what): its phase") }
            var progress = RecipientProgress(
                phase: phase, attempts: Int(try rows.int(3, within: IndexRange.number32, what)), due: Timestamp(rawValue: rows.int(4)),
                isTold: rows.int(5) != 0)
            if !rows.isNull(6) {
                let octets = try rows.withBlob(6) { try Seal.open($0, under: catalog.key(of: .queue, for: $0), as: label(id, number)) }
                guard let attempt = RecipientProgress.Attempt(ByteBuffer(bytes: octets)) else { throw StorageFault.corrupt("\(what): its last attempt") }
                progress.last = attempt
            }
            found[id, default: [:]][number] = progress
        }
        return found
    }
}

// As it lies sealed. Bits of `fields` say which of those that may be missing follow.
extension RecipientProgress.Attempt {
    private struct Fields: OptionSet {
        let rawValue: UInt8
        static let host = Fields(rawValue: 1)
        static let address = Fields(rawValue: 2)
        static let reply = Fields(rawValue: 4)
        static let replyStatus = Fields(rawValue: 8)
        static let reason = Fields(rawValue: 16)
        static let status = Fields(rawValue: 32)
        static let all = Fields(rawValue: 63)
    }

    fileprivate func encode() -> ByteBuffer {
        var fields: Fields = []
        if host != nil { fields.insert(.host) }
        if address != nil { fields.insert(.address) }
        if reply != nil { fields.insert(.reply) }
        if reply?.status != nil { fields.insert(.replyStatus) }
        if reason != nil { fields.insert(.reason) }
        if status != nil { fields.insert(.status) }
        var out = ByteBuffer()
        out.writeSigned(at.rawValue)
        out.writeInteger(fields.rawValue)
        if let host { out.writeCompact(host) }
        if let address { out.writeCompact(address) }
        if let reply {
            out.writeCompact(UInt64(reply.code))
            if let status = reply.status { out.write(status) }
            out.writeCompact(UInt64(reply.lines.count))
            for line in reply.lines { out.writeCompact(line) }
        }
        if let reason { out.writeCompact(reason) }
        if let status { out.write(status) }
        return out
    }

    /// Nil for what `encode` does not give.
    fileprivate init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard let at = bytes.readSigned(), let fields = bytes.readInteger(as: UInt8.self).map(Fields.init), Fields.all.isSuperset(of: fields) else {
            return nil
        }
        self.init(at: Timestamp(rawValue: at))
        if fields.contains(.host) {
            guard let text = bytes.readCompactText() else { return nil }
            host = text
        }
        if fields.contains(.address) {
            guard let text = bytes.readCompactText() else { return nil }
            address = text
        }
        if fields.contains(.reply) {
            guard let reply = bytes.readReply(hasStatus: fields.contains(.replyStatus)) else { return nil }
            self.reply = reply
        }
        if fields.contains(.reason) {
            guard let text = bytes.readCompactText() else { return nil }
            reason = text
        }
        if fields.contains(.status) {
            guard let status = bytes.readStatus() else { return nil }
            self.status = status
        }
        guard bytes.readableBytes == 0 else { return nil }
    }
}

extension ByteBuffer {
    fileprivate mutating func write(_ status: EnhancedStatus) {
        writeInteger(status.category)
        writeCompact(UInt64(status.subject))
        writeCompact(UInt64(status.detail))
    }

    fileprivate mutating func readStatus() -> EnhancedStatus? {
        guard let category = readInteger(as: UInt8.self), let subject = readCompact(), let detail = readCompact(), subject <= 999, detail <= 999 else {
            return nil
        }
        return EnhancedStatus(Int(category), Int(subject), Int(detail))
    }

    fileprivate mutating func readReply(hasStatus: Bool) -> RemoteReply? {
        guard let code = readCompact(), code <= 599 else { return nil }
        var status: EnhancedStatus?
        if hasStatus {
            guard let found = readStatus() else { return nil }
            status = found
        }
        guard let count = readCount() else { return nil }
        var lines: [String] = []
        for _ in 0..<count {
            guard let line = readCompactText() else { return nil }
            lines.append(line)
        }
        return RemoteReply(code: Int(code), status: status, lines: lines)
    }
}
