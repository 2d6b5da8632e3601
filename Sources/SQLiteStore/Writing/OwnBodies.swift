import FoundationEssentials
import MailModel
import MessageFormat
import NIOCore
import Storage

/// Bodies that the target's account of a copy holds already, with other heads than the copies are to show, or held once. They must be written anew for it.
struct HeadsDiffer: Error {
    let bodies: [BodyID]
}

/// What was written anew, by the bodies in whose place the copies have it.
struct OwnBodies: Sendable {
    fileprivate var deliveries: [BodyID: Transaction.Delivery] = [:]

    subscript(body: BodyID) -> Transaction.Delivery? { deliveries.isEmpty ? nil : deliveries[body] }
}

extension Transaction {
    /// The key and the share with which an account holds a body; nil: it does not.
    func heldKey(of body: BodyID, by account: AccountID) throws -> HeldKey? {
        let statement = try connection.prepare("SELECT sealed_key FROM holder WHERE body=? AND account=?")
        try statement.bind([.int(body.rawValue), .int(account.rawValue)])
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        return try statement.withBlob(0) { try HeldKey.open($0, body, for: .account(account), under: try self.account(account).key) }
    }

    /// That `account` can hold each row's body as `other` does. Within an account there is nothing to look at.
    func checkHeads(of rows: [MessageRow], _ other: AccountID, _ account: AccountID, _ own: OwnBodies) throws {
        guard account != other else { return }
        var seen: Set<BodyID> = []
        var differing: [BodyID] = []
        for row in rows where own[row.body] == nil && seen.insert(row.body).inserted {
            guard let known = try heldKey(of: row.body, by: account) else {
                let once = "SELECT 1 FROM former_holder WHERE body=? AND account=?"
                if try connection.number(once, .int(row.body.rawValue), .int(account.rawValue)) != nil { differing.append(row.body) }
                continue
            }
            guard let held = try heldKey(of: row.body, by: other) else { throw StorageFault.corrupt("body \(row.body.rawValue) has no holder") }
            if known.share != held.share { differing.append(row.body) }
        }
        if !differing.isEmpty { throw HeadsDiffer(bodies: differing) }
    }

    /// A body that was written anew gets its row.
    func introduce(_ own: Delivery, to account: AccountID) throws {
        guard let holder = own.holders.first(where: { $0.holder == .account(account) }) else { throw StorageFault.unavailable("a body without its holder") }
        try insert(own)
        try hold(own.body.id, holder, count: 1)
        if own.record.parser.kind == nil { self.held.append(Indexer.Held(body: own.body.id, account: account)) }
        if case .file(let file) = own.record.content { afterCommit.append { file.keep() } }
    }
}

extension SQLiteStore {
    /// Messages that come between two tries may need one more.
    private static let tries = 8

    /// Runs a step of a copy from one mailbox to another. What it says must be written anew is, and then it is run again.
    func withOwnBodies<Value: Sendable>(
        from source: MailboxID, to target: MailboxID, _ step: @escaping @Sendable (Transaction, OwnBodies) throws -> Value
    ) async throws -> Value {
        var made: [(old: BodyID, staged: StagedBody, outgoing: OutgoingBody)] = []
        for _ in 0..<SQLiteStore.tries {
            do {
                let ready = made
                let value = try await writer.submit(bodies: ready.map(\.outgoing)) { transaction, places in
                    guard places.count == ready.count else { throw StorageFault.unavailable("a body without a place") }
                    var own = OwnBodies()
                    for (body, place) in zip(ready, places) { own.deliveries[body.old] = try Transaction.Delivery(body.staged, body.outgoing, at: place, []) }
                    return try step(transaction, own)
                }
                for body in made { body.outgoing.staged?.ticket.end() }
                return value
            } catch let differing as HeadsDiffer {
                for body in differing.bodies {
                    let (staged, outgoing) = try await writeAnew(body, from: source, to: target)
                    made.append((body, staged, outgoing))
                }
            }
        }
        throw StorageFault.unavailable("the messages that are copied are being changed all the time")
    }

    /// The body under another id, for the target's account, with what the source's has before it.
    private func writeAnew(_ body: BodyID, from source: MailboxID, to target: MailboxID) async throws -> (StagedBody, OutgoingBody) {
        guard let owner = try known.mailbox(source)?.record.account, let account = try known.mailbox(target)?.record.account,
            let key = try known.account(account)?.key
        else { throw StorageFault.noSuchMailbox }
        let (digest, share, size) = try await readers.run { reader in
            (try reader.textDigest(of: body, for: owner), try reader.share(of: body, for: owner), try reader.size(of: body))
        }
        let sink = try await receive(expected: size)
        var position = 0
        while position < size {
            let from = position
            let piece = try await readers.run { try $0.readText(from..<min(size, from + (1 << 20)), of: body, by: .account(owner)) }
            guard piece.readableBytes > 0 else { throw StorageFault.corrupt("body \(body.rawValue): it ends early") }
            try await sink.write(piece)
            position += piece.readableBytes
        }
        let staged = try await sink.finish(digest)
        let outgoing = try await prepare(staged) { record in
            [try HolderBlock.Holder(record.key, share, of: staged.id, for: .account(account), under: key, nonce: RandomOctets.draw(RandomOctets.nonce))]
        }
        return (staged, outgoing)
    }
}

extension BodyReader {
    func share(of body: BodyID, for account: AccountID) throws -> HolderShare {
        guard let key = catalog.account(account)?.key else { throw StorageFault.noSuchAccount }
        let statement = try connection.prepare("SELECT sealed_key FROM holder WHERE body=? AND account=?")
        try statement.bind([.int(body.rawValue), .int(account.rawValue)])
        defer { statement.reset() }
        guard try statement.step() else { throw StorageFault.noSuchMessage }
        return try statement.withBlob(0) { try HeldKey.open($0, body, for: .account(account), under: key) }.share
    }

    fileprivate func size(of body: BodyID) throws -> Int {
        guard let size = try connection.number("SELECT size FROM body WHERE id=?", .int(body.rawValue)) else { throw StorageFault.noSuchMessage }
        guard IndexRange.size.contains(size) else { throw StorageFault.corrupt("body \(body.rawValue): its size is \(size)") }
        return Int(size)
    }
}
