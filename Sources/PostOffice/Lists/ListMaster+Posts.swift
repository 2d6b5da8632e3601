import MailModel
import MessageFormat
import NIOCore
import Storage

// Posts: judged once more, for the list may have changed since, and on the way from other lists here nobody has judged them yet.
extension ListMaster {
    func post(_ entry: QueueEntry, _ list: MailingList) async throws -> Answer {
        let start = try await start(of: entry)
        // Held before, and released by an owner or by an administrator.
        let isReleased = entry.progress.first?.last?.status == ListMaster.moderated
        guard start.post.survey.isComplete else { return refused(entry, .permanent(6, 0), "its header is too long") }
        switch try await verdict(start.post, list) {
        case .post: return expanded(entry, list, start)
        case .moderate where isReleased: return expanded(entry, list, start)
        // It went to others too, and so SMTP took it: it is not lost without a word.
        case .refuse(.notAllowed) where entry.draft.sender == nil && isReleased: return expanded(entry, list, start)
        case .refuse(.notAllowed) where entry.draft.sender == nil:
            return try await held(entry, list, start, "its author may not post, and could not be told so")
        case .moderate(let reason): return try await held(entry, list, start, reason)
        case .refuse(let refusal):
            var answer = refused(entry, refusal.answer.status, refusal.answer.text)
            if isReleased { answer.afterwards = { try await register.holdsNoMore(entry.id, list) } }
            return answer
        }
    }

    private func held(_ entry: QueueEntry, _ list: MailingList, _ start: Start, _ reason: String) async throws -> Answer {
        // Taken already: its sender's server does not come again with it.
        guard try await register.heldCount(list) < ListRegister.mostHeldOfAll else {
            return refused(entry, .permanent(3, 2), ListRefusal.crowded.answer.text)
        }
        try await register.holds(entry.id, list)
        guard moderations.admits(post: entry.id, of: list, now: clock()) else { return Answer(ending: .held(reason)) }
        return Answer(ending: .held(reason)) { [try await letter(.moderation(of: entry, list, start, reason, register.tokens, now: clock()))] }
    }

    func verdict(_ post: ListPost, _ list: MailingList) async throws -> ListVerdict {
        guard let author = post.author else { return list.verdict(post, author: nil, member: nil, isAuthorHere: false) }
        let member = try await register.member(author, of: list)
        let isHere = post.isLocal ? try await directory.isServed(author.domain) : try await directory.isAlignedWithOurs(author.domain)
        return list.verdict(post, author: author, member: member, isAuthorHere: isHere)
    }

    private func refused(_ entry: QueueEntry, _ status: EnhancedStatus, _ reason: String) -> Answer {
        Answer(ending: entry.draft.sender == nil ? .dropped(reason) : .failed(status, reason))
    }

    // MARK: Copies

    private func expanded(_ entry: QueueEntry, _ list: MailingList, _ start: Start) -> Answer {
        let sent = clock()
        return Answer {
            try await copies(of: entry, list, start, sent: sent)
        } afterwards: {
            try await register.holdsNoMore(entry.id, list)
            for member in try await register.members(of: list.address) where member.failing != nil && member.suspension == nil {
                guard try await knownMailboxes(of: member.address) != nil else { continue }
                _ = try await register.change(member: member.address, of: list.address) { $0.took(postOf: sent, at: sent, isSure: true) }
            }
        }
    }

    /// Who handed a post in with a login, for a member that is a list here or leads to one, and judges it too. Nil for others, and for what came from outside.
    private func sender(of entry: QueueEntry, knownTo member: Address) async -> AccountID? {
        guard let sender = entry.draft.sender else { return nil }
        do {
            guard case .destinations(let destinations) = try await directory.resolve(member) else { return nil }
            return destinations.contains { if case .list = $0 { true } else { false } } ? sender : nil
        } catch {
            // Then it may wait for an owner there.
            return nil
        }
    }

    /// Entries of one body at least.
    private static let leastShare = 64

    /// For each member a head, and outside this house an entry of its own, for its envelope names the member.
    ///
    /// What is said of all entries of a body is opened with each of them. So they share a body only while their heads weigh no more than its text, which is read
    /// for each of them too: a long list costs as much a member as a short one, and its bodies together weigh no more than its heads.
    private func copies(of entry: QueueEntry, _ list: MailingList, _ start: Start, sent: Timestamp) async throws -> [QueueUpdate.Notice] {
        let members = try await register.members(of: list.address).filter { $0.suspension == nil }
        guard !members.isEmpty else { return [] }
        let own = entry.draft.head?.octets ?? []
        let text = start.octets.getSlice(at: start.octets.readerIndex + own.count, length: start.octets.readableBytes - own.count) ?? ByteBuffer()
        let end = HeaderFields(text).reduce(0) { max($0, $1.range.upperBound) }
        let header = ListHead.without(text.getSlice(at: text.readerIndex, length: end) ?? ByteBuffer())
        let trace = Array(buffer: ListHead.without(ByteBuffer(bytes: own)))
        let fields = ListHead(list)
        var (placements, drafts): ([Placement], [QueueDraft]) = ([], [])
        var accounts: Set<AccountID> = []
        for (place, member) in members.enumerated() {
            if place % 256 == 255 { await Task.yield() }
            let bounces = ReversePath.mailbox(list.address(.bounces, token: register.tokens.bounces(member.number, sent, of: list)))
            let octets = fields.fields(leave: list.address(.leave, token: register.tokens.leave(member.number, of: list))) + trace
            guard let head = MessageHead(octets), let filed = MessageHead(Array("Return-Path: \(bounces.written)\r\n".utf8) + octets) else {
                throw StorageFault.unavailable("a list's head that is none")
            }
            if let mailboxes = try await knownMailboxes(of: member.address) {
                for (mailbox, account) in mailboxes where accounts.insert(account).inserted { placements.append(ListMaster.placement(mailbox, filed, sent)) }
            } else {
                let sender = await sender(of: entry, knownTo: member.address)
                var draft = QueueDraft(
                    transaction: entry.draft.transaction, reversePath: bounces, recipients: [QueuedRecipient(.mailbox(member.address), notify: .failure)],
                    traits: entry.draft.traits.intersection(ListMaster.carried).union(.isAutomatic), arrived: sent, head: head, sender: sender,
                    priority: entry.draft.priority)
                draft.origin = entry.draft.origin.sentOn
                drafts.append(draft)
            }
        }
        log.info(
            "Post to a list",
            metadata: ["id": "\(entry.draft.transaction)", "list": "\(list.key)", "here": "\(placements.count)", "onward": "\(drafts.count)"])
        let weight = max(1, drafts.first?.head?.octets.count ?? 1)
        let share = max(ListMaster.leastShare, entry.size / weight)
        var notices: [QueueUpdate.Notice] = []
        for start in stride(from: 0, to: max(drafts.count, 1), by: share) {
            let some = Array(drafts[start..<min(start + share, drafts.count)])
            notices.append(
                QueueUpdate.Notice(
                    body: try await body(of: entry, behind: header, from: own.count + end), placements: start == 0 ? placements : [], drafts: some))
        }
        return notices
    }
}
