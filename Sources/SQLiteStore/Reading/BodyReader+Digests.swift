import FoundationEssentials
import MailModel
import MessageFormat
import NIOCore
import Storage

/// What the index says of a digest: the kind of body, and the version of who read it.
struct ParserMark: RawRepresentable, Hashable, Sendable {
    let rawValue: Int64

    /// Nil: a message.
    var kind: OtherDigest.Kind? { OtherDigest.Kind(rawValue: UInt16(truncatingIfNeeded: rawValue >> 16)) }
    var version: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

    init(rawValue: Int64) { self.rawValue = rawValue }

    init(_ digest: BodyDigest) {
        switch digest {
        case .message: self.init(rawValue: Int64(MessageOutline.version))
        case .other(let other): self.init(rawValue: Int64(other.kind.rawValue) << 16 | Int64(other.version))
        }
    }
}

extension BodyDigest {
    var sealedOctets: [UInt8] {
        switch self {
        case .message(let outline): Array(buffer: outline.encode())
        case .other(let other): other.octets
        }
    }

    /// A digest of one kind is never taken for another's.
    static func label(_ body: BodyID, _ kind: OtherDigest.Kind?) -> Label {
        Label(kind: .outline, id: body.rawValue, chunk: UInt64(kind?.rawValue ?? 0))
    }
}

extension BodyReader {
    /// What stands before a body for the account; empty: nothing does. `noSuchMessage`.
    func head(of body: BodyID, for account: AccountID) throws -> [UInt8] { try share(of: body, for: account).head }

    /// Of the body alone. `noSuchMessage`.
    func textDigest(of body: BodyID, for account: AccountID) throws -> BodyDigest {
        if let message = try textOutlines(of: [body], for: account).first { return .message(message.outline) }
        guard let digest = try digests(of: [body], for: account).first else { throw StorageFault.noSuchMessage }
        return digest
    }

    func digests(of bodies: [BodyID], for account: AccountID) throws -> [BodyDigest] {
        guard let key = catalog.account(account)?.key else { throw StorageFault.noSuchAccount }
        let wanted = bodies.sortedOnce()
        var others: [BodyID: OtherDigest] = [:]
        try lookUp(wanted, "body.outline, body.parser", for: account) { index, row in
            let (body, parser) = (wanted[index], ParserMark(rawValue: row.int(3)))
            guard let kind = parser.kind else { return }
            let held = try self.key(of: body, account, key, in: row)
            let plain = try row.withBlob(2) { try Seal.open($0, under: held.key, as: BodyDigest.label(body, kind)) }
            others[body] = OtherDigest(kind: kind, version: parser.version, octets: Array(plain))
        }
        let outlines = try outlines(of: wanted.filter { others[$0] == nil }, for: account)
        var messages = outlines.makeIterator()
        var found: [BodyID: BodyDigest] = [:]
        for body in wanted { found[body] = others[body].map { .other($0) } ?? messages.next().map { .message($0) } }
        return try bodies.map { body in
            guard let digest = found[body] else { throw StorageFault.noSuchMessage }
            return digest
        }
    }
}
