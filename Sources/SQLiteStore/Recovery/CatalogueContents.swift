import MailModel
import NIOCore
import Storage

/// What a catalogue says of the store as a whole. Sealed under the master key.
struct CatalogueSummary: Hashable, Sendable {
    var written: Timestamp
    /// Every body up to it was placed before, or never will be.
    var lastBody: Int64
    /// The highest ids that were ever given.
    var lastAccount: Int64
    var lastMailbox: Int64
    var domains: [Domain]

    func encode() -> ByteBuffer {
        var out = ByteBuffer()
        for number in [written.rawValue, lastBody, lastAccount, lastMailbox] { out.writeSigned(number) }
        out.writeCompact(UInt64(domains.count))
        for domain in domains { out.writeCompact(domain.value) }
        return out
    }

    init(written: Timestamp, lastBody: Int64, lastAccount: Int64, lastMailbox: Int64, domains: [Domain]) {
        (self.written, self.lastBody, self.lastAccount, self.lastMailbox, self.domains) = (written, lastBody, lastAccount, lastMailbox, domains)
    }

    init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard let written = bytes.readSigned(), let body = bytes.readSigned(), let account = bytes.readSigned(), let mailbox = bytes.readSigned(),
            let count = bytes.readCount()
        else { return nil }
        self.init(written: Timestamp(rawValue: written), lastBody: body, lastAccount: account, lastMailbox: mailbox, domains: [])
        for _ in 0..<count {
            guard let domain = bytes.readCompactText().flatMap({ Domain($0) }) else { return nil }
            domains.append(domain)
        }
    }
}

/// An account, without its key. Sealed under the master key.
struct CatalogueAccount: Hashable, Sendable {
    var record: AccountRecord
    var modSeq: ModSeq
    var uidValidity: UInt32
    var limits: Quota

    func encode() -> ByteBuffer {
        var out = ByteBuffer()
        out.writeCompact(record.name.description)
        out.writeCompact(record.passwordHash)
        out.writeCompact(record.enabled ? 1 : 0)
        out.writeSigned(record.created.rawValue)
        out.writeSigned(record.lastLogin?.rawValue ?? -1)
        out.writeCompact(modSeq.rawValue)
        out.writeCompact(UInt64(uidValidity))
        for resource in [QuotaResource.storage, .message, .mailbox] { out.writeSigned(limits[resource] ?? -1) }
        return out
    }

    init(record: AccountRecord, modSeq: ModSeq, uidValidity: UInt32, limits: Quota) {
        (self.record, self.modSeq, self.uidValidity, self.limits) = (record, modSeq, uidValidity, limits)
    }

    init?(_ id: AccountID, _ bytes: ByteBuffer) {
        var bytes = bytes
        guard let text = bytes.readCompactText(), let name = try? AccountName(text), let hash = bytes.readCompactText(),
            let enabled = bytes.readCompact(), let created = bytes.readSigned(), let login = bytes.readSigned(),
            let modSeq = bytes.readCompact().flatMap({ ModSeq(rawValue: $0) }), let validity = bytes.readCompact().flatMap({ UInt32(exactly: $0) })
        else { return nil }
        var limits = Quota()
        for resource in [QuotaResource.storage, .message, .mailbox] {
            guard let limit = bytes.readSigned() else { return nil }
            if limit >= 0 { limits[resource] = limit }
        }
        self.init(
            record: AccountRecord(
                id: id, name: name, passwordHash: hash, enabled: enabled == 1, created: Timestamp(rawValue: created),
                lastLogin: login < 0 ? nil : Timestamp(rawValue: login)),
            modSeq: modSeq, uidValidity: validity, limits: limits)
    }
}

/// What an account has besides its messages. Sealed under the account's key.
struct CatalogueBelongings: Hashable, Sendable {
    struct Mailbox: Hashable, Sendable {
        var id: MailboxID
        var name: MailboxName
        var specialUse: SpecialUse?
        var uidValidity: UIDValidity
        var uidNext: UInt32
        var modSeq: ModSeq
        var keywords: KeywordTable
        var access: AccessList
    }

    struct Note: Hashable, Sendable {
        /// 0: of the server.
        var mailbox: Int64
        var annotation: Annotation
    }

    var mailboxes: [Mailbox] = []
    var subscriptions: [MailboxName] = []
    var notes: [Note] = []
    /// What further kinds of rows say, each under a number of its own. A program that does not know one passes it over.
    var parts: [UInt64: ByteBuffer] = [:]

    func encode() -> ByteBuffer {
        var out = ByteBuffer()
        out.writeCompact(UInt64(mailboxes.count))
        for mailbox in mailboxes { mailbox.encode(into: &out) }
        out.writeCompact(UInt64(subscriptions.count))
        for name in subscriptions { out.writeCompact(name.value) }
        out.writeCompact(UInt64(notes.count))
        for note in notes {
            out.writeSigned(note.mailbox)
            out.writeCompact(note.annotation.name)
            out.writeCompact(note.annotation.value)
        }
        guard !parts.isEmpty else { return out }
        out.writeCompact(UInt64(parts.count))
        for (number, part) in parts.sorted(by: { $0.key < $1.key }) {
            out.writeCompact(number)
            out.writeCompact(Array(part.readableBytesView))
        }
        return out
    }

    init() {}

    init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard let count = bytes.readCount() else { return nil }
        for _ in 0..<count {
            guard let mailbox = Mailbox(&bytes) else { return nil }
            mailboxes.append(mailbox)
        }
        guard let names = bytes.readCount() else { return nil }
        for _ in 0..<names {
            guard let name = bytes.readCompactText().flatMap({ MailboxName($0) }) else { return nil }
            subscriptions.append(name)
        }
        guard let notes = bytes.readCount() else { return nil }
        for _ in 0..<notes {
            guard let mailbox = bytes.readSigned(), let name = bytes.readCompactText(), let value = bytes.readCompactOctets() else { return nil }
            self.notes.append(Note(mailbox: mailbox, annotation: Annotation(name: name, value: value)))
        }
        // Before there were any, it ended here.
        guard bytes.readableBytes > 0 else { return }
        guard let parts = bytes.readCount() else { return nil }
        for _ in 0..<parts {
            guard let number = bytes.readCompact(), let part = bytes.readCompactOctets() else { return nil }
            self.parts[number] = ByteBuffer(bytes: part)
        }
    }
}

extension CatalogueBelongings.Mailbox {
    fileprivate func encode(into out: inout ByteBuffer) {
        out.writeSigned(id.rawValue)
        out.writeCompact(name.value)
        out.writeCompact(specialUse?.rawValue ?? "")
        out.writeCompact(UInt64(uidValidity.rawValue))
        out.writeCompact(UInt64(uidNext))
        out.writeCompact(modSeq.rawValue)
        out.writeCompact(keywords)
        let entries = access.entries.compactMap { grantee, rights in grantee.order.map { (order: $0, rights: rights) } }.sorted { $0.order < $1.order }
        out.writeCompact(UInt64(entries.count))
        for (order, rights) in entries {
            out.writeSigned(order)
            out.writeCompact(UInt64(rights.rawValue))
        }
    }

    fileprivate init?(_ bytes: inout ByteBuffer) {
        guard let id = bytes.readSigned(), let name = bytes.readCompactText().flatMap({ MailboxName($0) }), let use = bytes.readCompactText(),
            let validity = bytes.readCompact().flatMap({ UInt32(exactly: $0) }).flatMap({ UIDValidity(rawValue: $0) }),
            let next = bytes.readCompact().flatMap({ UInt32(exactly: $0) }), let modSeq = bytes.readCompact().flatMap({ ModSeq(rawValue: $0) }),
            let keywords = bytes.readKeywords(), let count = bytes.readCount()
        else { return nil }
        var access = AccessList()
        for _ in 0..<count {
            guard let order = bytes.readSigned(), let rights = bytes.readCompact().flatMap({ UInt16(exactly: $0) }) else { return nil }
            access.change(.replace(Rights(rawValue: rights)), of: Grantee(number: order >> 1, isNegative: order & 1 == 1))
        }
        self.init(
            id: MailboxID(rawValue: id), name: name, specialUse: use.isEmpty ? nil : SpecialUse(rawValue: use), uidValidity: validity, uidNext: next,
            modSeq: modSeq, keywords: keywords, access: access)
    }
}

extension Grantee {
    /// Its number, 0 for anyone, and behind it whether it is negative. Nil for a name: those stand in a part of their own.
    fileprivate var order: Int64? { number.map { $0 << 1 | (isNegative ? 1 : 0) } }
}

extension ByteBuffer {
    fileprivate mutating func writeCompact(_ keywords: KeywordTable) {
        writeCompact(keywords.text)
    }

    fileprivate mutating func readKeywords() -> KeywordTable? {
        readCompactText().map { KeywordTable(text: $0) }
    }
}

// How many; of each how far its UID is above the one before, and its octets.
extension ByteBuffer {
    fileprivate mutating func writeCompact(_ further: [UID: FurtherKeywords]) {
        writeCompact(UInt64(further.count))
        var last: UInt32 = 0
        for (uid, keywords) in further.sorted(by: { $0.key < $1.key }) {
            writeCompact(UInt64(uid.rawValue - last))
            writeCompact(keywords.octets)
            last = uid.rawValue
        }
    }

    fileprivate mutating func readFurther() -> [UID: FurtherKeywords]? {
        guard let count = readCount() else { return nil }
        var found: [UID: FurtherKeywords] = [:]
        found.reserveCapacity(count)
        var last: UInt64 = 0
        for _ in 0..<count {
            guard let step = readCompact(), step > 0, step <= UInt64(UInt32.max) else { return nil }
            last += step
            guard let uid = UInt32(exactly: last).flatMap(UID.init(rawValue:)), let keywords = readCompactOctets().flatMap({ FurtherKeywords(octets: $0) })
            else { return nil }
            found[uid] = keywords
        }
        return found
    }
}

/// A message as a catalogue has it.
struct CatalogueRow: Hashable, Sendable {
    var uid: UID
    var flags: FlagBits
    var modSeq: ModSeq
    var body: BodyID
    var internalDate: Timestamp
    var saveDate: Timestamp
    var thread: Int64
}

/// The messages of a mailbox. Sealed under its account's key. Each number is told by how it differs from the row before: some ten octets a message.
struct CatalogueMessages: Hashable, Sendable {
    var uidNext: UInt32
    /// As of before the first row was read; later changes may be among the rows or not.
    var modSeq: ModSeq
    var keywords: KeywordTable
    var rows: [CatalogueRow]
    /// The further keywords of those that have any. Behind the rows, where there are any.
    var further: [UID: FurtherKeywords] = [:]

    func encode() -> ByteBuffer {
        var out = ByteBufferAllocator().buffer(capacity: 64 + rows.count * 10)
        out.writeCompact(UInt64(uidNext))
        out.writeCompact(modSeq.rawValue)
        out.writeCompact(keywords)
        out.writeCompact(UInt64(rows.count))
        var (uid, last, body, date): (UInt32, UInt64, Int64, Int64) = (0, 0, 0, 0)
        for row in rows {
            out.writeCompact(UInt64(row.uid.rawValue &- uid))
            out.writeCompact(row.flags.rawValue)
            out.writeSigned(Int64(bitPattern: row.modSeq.rawValue &- last))
            out.writeSigned(row.body.rawValue &- body)
            out.writeSigned(row.internalDate.rawValue &- date)
            out.writeSigned(row.saveDate.rawValue &- row.internalDate.rawValue)
            out.writeSigned(row.body.rawValue &- row.thread)
            (uid, last, body, date) = (row.uid.rawValue, row.modSeq.rawValue, row.body.rawValue, row.internalDate.rawValue)
        }
        if !further.isEmpty { out.writeCompact(further) }
        return out
    }

    init(uidNext: UInt32, modSeq: ModSeq, keywords: KeywordTable, rows: [CatalogueRow]) {
        (self.uidNext, self.modSeq, self.keywords, self.rows) = (uidNext, modSeq, keywords, rows)
    }

    init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard let next = bytes.readCompact().flatMap({ UInt32(exactly: $0) }), let modSeq = bytes.readCompact().flatMap({ ModSeq(rawValue: $0) }),
            let keywords = bytes.readKeywords(), let count = bytes.readCount()
        else { return nil }
        self.init(uidNext: next, modSeq: modSeq, keywords: keywords, rows: [])
        rows.reserveCapacity(count)
        var (uid, last, body, date): (UInt64, UInt64, Int64, Int64) = (0, 0, 0, 0)
        for _ in 0..<count {
            guard let step = bytes.readCompact(), step > 0, step <= UInt64(UInt32.max), let flags = bytes.readCompact(),
                let modSeqStep = bytes.readSigned(), let bodyStep = bytes.readSigned(), let dateStep = bytes.readSigned(),
                let saved = bytes.readSigned(), let thread = bytes.readSigned()
            else { return nil }
            uid += step
            last = last &+ UInt64(bitPattern: modSeqStep)
            body = body &+ bodyStep
            date = date &+ dateStep
            guard let number = UInt32(exactly: uid).flatMap(UID.init(rawValue:)), let modSeq = ModSeq(rawValue: last) else { return nil }
            rows.append(
                CatalogueRow(
                    uid: number, flags: FlagBits(rawValue: flags), modSeq: modSeq, body: BodyID(rawValue: body), internalDate: Timestamp(rawValue: date),
                    saveDate: Timestamp(rawValue: date &+ saved), thread: body &- thread))
        }
        guard bytes.readableBytes > 0 else { return }
        guard let further = bytes.readFurther() else { return nil }
        self.further = further
    }
}
