import Crypto
import MailModel
import Storage

extension HolderShare {
    /// Nil: a message, as far as it says.
    var kind: OtherDigest.Kind? { if case .kind(let kind) = self { kind } else { nil } }
}

// Entries of the queue that the index lacks: what they say lies with the body, and which of them were there the catalogue tells.
extension Recovery {
    /// Nil: nobody's whose bodies are brought back.
    func key(of holder: BodyHolder) -> SymmetricKey? {
        switch holder {
        case .queue: master.queueKey
        case .account(let id): lines[id] == nil ? nil : accountKeys[id]?.key
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
        for draft in drafts {
            try transaction.write(
                "INSERT OR REPLACE INTO queue VALUES (?,?,2)", .int(QueueID(body, draft.number).rawValue), .int(draft.draft.arrived.rawValue))
        }
        report.queued += drafts.count
    }
}
