import Crypto
import MailModel
import Storage

extension HolderShare {
    /// Nil: a message, as far as it says.
    var kind: OtherDigest.Kind? { if case .kind(let kind) = self { kind } else { nil } }
}

// Entries of the queue that the index lacks: what they say lies with the body, and which of them were there the catalogue tells. How far they had come nobody
// does: each of their recipients begins anew, once somebody has looked at them.
extension Recovery {
    /// The queue's keys, as their files have them.
    func readQueueKeys() {
        for id in keys.queueKeys() {
            // try?: it is told.
            if let key = try? keys.queueKey(id, under: master) {
                queueKeys[id] = key
            } else {
                report.note("the queue's key in \(keys.file(ofQueueKey: id)) does not open")
            }
        }
    }

    /// Nil: nobody's whose bodies are brought back, or of what has left the queue.
    func key(of holder: HolderBlock.Holder) -> SymmetricKey? {
        if case .account(let id) = holder.holder, lines[id] == nil { return nil }
        return anyKey(of: holder)
    }

    /// Also of an account that is not brought back.
    func anyKey(of holder: HolderBlock.Holder) -> SymmetricKey? {
        switch holder.holder {
        case .account(let id): return accountKeys[id]?.key
        case .queue:
            guard let id = Seal.keyID(of: holder.wrappedKey) else { return nil }
            return id == Seal.currentKeyID ? master.queueKey : queueKeys[id]?.key
        }
    }

    /// Those that were in the queue when the catalogue was written, and those that came later. Which of them went out since nobody can tell.
    func entriesToBringBack(of body: BodyID, _ shares: [HolderShare], isNew: Bool, isLate: Bool, isBeyond: Bool) -> [QueuedDraft] {
        guard case .queue(let drafts)? = shares.first(where: { if case .queue = $0 { true } else { false } }) else { return [] }
        return drafts.filter { draft in
            isLate ? isNew || isBeyond : isNew && catalogue?.queue.contains(QueueID(body, draft.number).rawValue) == true
        }
    }

    func bringBack(_ drafts: [QueuedDraft], of body: BodyID, _ holder: HolderBlock.Holder, _ transaction: Transaction) throws {
        try transaction.write(
            "INSERT OR REPLACE INTO holder VALUES (?,0,?,?)", .int(body.rawValue), .int(Int64(drafts.count)), .blob(holder.wrappedKey))
        let id = Seal.keyID(of: holder.wrappedKey) ?? Seal.currentKeyID
        if let key = queueKeys[id] {
            try transaction.write("INSERT OR IGNORE INTO queue_key VALUES (?,?,?)", .int(Int64(id)), .int(key.made.rawValue), .blob(key.sealed))
        }
        for draft in drafts {
            let recipients = SQLValue.int(Int64(draft.draft.recipients.count))
            try transaction.write(
                "INSERT OR REPLACE INTO queue (id, arrived, recovered, hold, key, recipients, waiting) VALUES (?,?,0,?,?,?,?)",
                .int(QueueID(body, draft.number).rawValue), .int(draft.draft.arrived.rawValue), .int(Int64(QueueHold.recovered.rawValue)), .int(Int64(id)),
                recipients, recipients)
        }
        report.queued += drafts.count
    }
}
