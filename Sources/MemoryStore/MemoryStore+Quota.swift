package import MailModel
package import Storage

extension MemoryStore {
    package func usage(of account: AccountID) throws -> Quota {
        try look { try $0.usage(of: account) }
    }

    package func limits(of account: AccountID) throws -> Quota {
        try look { try $0.limits(of: account) }
    }

    package func set(limits: Quota, of account: AccountID) async throws {
        try change(.rights) { state in
            _ = try state.account(account)
            state.accounts[account]?.limits = limits
        }
    }

    /// The limits of accounts that have none of their own.
    package var standardLimits: Quota {
        get { state.withLock { $0.standardLimits } }
        set { state.withLock { $0.standardLimits = newValue } }
    }
}

extension MemoryState {
    func usage(of account: AccountID) throws -> Quota {
        var usage = Quota([.storage: 0, .message: 0, .mailbox: 0])
        for id in try self.account(account).mailboxes.values {
            let box = try mailbox(id)
            usage.add(Quota([.storage: box.size, .message: Int64(box.table.count), .mailbox: 1]))
        }
        return usage
    }

    func limits(of account: AccountID) throws -> Quota { try self.account(account).limits.limits(over: standardLimits) }

    func admit(_ more: Quota, to account: AccountID, whole: Bool = true) throws {
        let limits = try limits(of: account)
        guard !limits.isEmpty else { return }
        guard limits.admits(more, to: try usage(of: account), whole: whole) else { throw StorageFault.overQuota }
    }

    /// Messages on their way in; what they replace is taken off.
    func admit(_ additions: [Addition], replacing superseded: SupersededMessages?) throws {
        var wanted: [AccountID: (more: Quota, whole: Bool)] = [:]
        for addition in additions {
            guard let body = addition.body.payload as? MemoryBody else { throw StorageFault.unavailable("the body is another store's") }
            let placement = addition.placement
            let size = Int64(body.octets.readableBytes + (placement.head?.octets.count ?? 0))
            let account = try mailbox(placement.mailbox).record.account
            var sum = wanted[account] ?? (Quota(), false)
            sum.more.add(Quota([.storage: size, .message: 1]))
            if !placement.mayOverdraw { sum.whole = true }
            wanted[account] = sum
        }
        if let superseded {
            let box = try mailbox(superseded.mailbox)
            let gone = try box.table.rows(superseded.uids).reduce(Int64(0)) { $0 + Int64($1.row.size) }
            wanted[box.record.account]?.more.add(Quota([.storage: gone, .message: Int64(superseded.uids.count)]), times: -1)
        }
        for (account, sum) in wanted { try admit(sum.more, to: account, whole: sum.whole) }
    }
}
