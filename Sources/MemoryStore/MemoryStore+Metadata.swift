package import MailModel
package import Storage

extension MemoryStore {
    package func annotations(of mailbox: MailboxID?, for account: AccountID) async throws -> [Annotation] {
        try look { state in
            let owner = try mailbox.map { try state.mailbox($0).record.account } ?? account
            return state.annotations.compactMap { key, value in
                let isMine = key.keeper == account || (key.keeper == owner && Annotation.isShared(key.name))
                return key.mailbox == mailbox && isMine ? Annotation(name: key.name, value: value) : nil
            }.sorted { $0.name < $1.name }
        }
    }

    package func set(annotations: [String: [UInt8]?], of mailbox: MailboxID?, for account: AccountID) async throws {
        try change(.rights) { try $0.set(annotations, of: mailbox, for: account) }
    }
}

extension MemoryState {
    struct AnnotationKey: Hashable {
        var mailbox: MailboxID?
        let keeper: AccountID
        let name: String
    }

    mutating func set(_ changes: [String: [UInt8]?], of mailbox: MailboxID?, for account: AccountID) throws {
        let owner = try mailbox.map { try self.mailbox($0).record.account }
        guard owner != nil || !changes.keys.contains(where: Annotation.isShared) else {
            throw StorageFault.notAllowed("the server's shared annotations are not set by users")
        }
        var after = annotations
        var keepers: Set<AccountID> = []
        for (name, value) in changes {
            let key = AnnotationKey(mailbox: mailbox, keeper: Annotation.isShared(name) ? owner ?? account : account, name: name)
            guard after[key] != value else { continue }
            after[key] = value
            keepers.insert(key.keeper)
        }
        for keeper in keepers where changes.values.contains(where: { $0 != nil }) {
            let kept = after.filter { $0.key.keeper == keeper }
            let octets = kept.reduce(0) { $0 + $1.key.name.utf8.count + $1.value.count }
            guard kept.keys.count(where: { $0.mailbox == mailbox }) <= Annotation.most, kept.count <= Annotation.mostOfAccount.entries,
                octets <= Annotation.mostOfAccount.octets
            else { throw StorageFault.tooManyAnnotations }
        }
        annotations = after
        for keeper in keepers {
            let known = try self.account(keeper)
            accounts[keeper]?.modSeq = known.modSeq.successor
            log(.metadata(of: mailbox), of: keeper, at: known.modSeq.successor)
        }
    }

    mutating func dropAnnotations(of mailbox: MailboxID) { annotations = annotations.filter { $0.key.mailbox != mailbox } }
    mutating func dropAnnotations(by account: AccountID) { annotations = annotations.filter { $0.key.keeper != account } }

    // RFC 5464 §4.1: INBOX keeps its annotations when it is renamed, and the new mailbox gets them too.
    mutating func copyAnnotations(from source: MailboxID, to target: MailboxID) {
        for (key, value) in annotations where key.mailbox == source {
            annotations[AnnotationKey(mailbox: target, keeper: key.keeper, name: key.name)] = value
        }
    }
}
