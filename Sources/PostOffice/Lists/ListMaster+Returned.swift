package import MailModel
import MessageFormat
import NIOCore
import Storage

/// A message that came to where a list's posts come back.
struct ReturnedPost: Hashable {
    /// It says that its recipient does not get it: not that it takes longer, nor that somebody is on vacation.
    let isFailure: Bool
    /// Not the member's mailbox is the reason, as far as is known: the post was not liked, or could not be brought.
    let isOfThePost: Bool
    let reason: String

    // RFC 3463 §3: X.1 addressing, X.2 mailbox, X.2.3 message length exceeds administrative limit, X.4 network and routing. The others are about systems,
    // protocols, content and policies, and X.0 is what a reply says that has no status.
    private static func isOfThePost(_ status: EnhancedStatus) -> Bool {
        switch (status.subject, status.detail) {
        case (2, 3): true
        case (1, _), (2, _), (4, _): false
        default: true
        }
    }

    /// Octets that are looked at.
    static let looked = 128 << 10

    // RFC 3464 §2.3: Action, Status, Diagnostic-Code in a part of the report.
    init(_ octets: ByteBuffer) {
        let fields = HeaderFields(octets)
        let type = fields.first("Content-Type")?.value.lowercased() ?? ""
        guard type.hasPrefix("multipart/report") else {
            // A report of the kind that was usual before RFC 3464 says nothing of itself; a responder does (RFC 3834 §5).
            let automatic = fields.first("Auto-Submitted")?.value.lowercased() ?? ""
            isFailure = !automatic.hasPrefix("auto-replied")
            isOfThePost = false
            reason = ReportText.quoted(EncodedWord.decode(fields.first("Subject")?.value ?? ""), most: 200)
            return
        }
        var found: [String: String] = [:]
        for line in octets.readableBytesView.split(separator: 0x0A) {
            guard line.count < 2_000, let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            guard ["action", "status", "diagnostic-code"].contains(name), found[name] == nil else { continue }
            let value = line[(colon + 1)...].drop { $0 == 0x20 || $0 == 0x09 }
            found[name] = String(decoding: value.last == 0x0D ? value.dropLast() : value, as: UTF8.self)
        }
        isFailure = found["action"]?.lowercased().hasPrefix("failed") ?? false
        let status = found["status"].flatMap { EnhancedStatus($0.prefix { $0 == "." || $0.isNumber }) }
        isOfThePost = status.map(ReturnedPost.isOfThePost) ?? true
        reason = ReportText.quoted([found["status"], found["diagnostic-code"]].compactMap(\.self).joined(separator: " "), most: 200)
    }
}

extension ListMaster {
    /// Seconds for which something that comes back of a post is news.
    private static let newsTime: Int64 = 30 * 86_400

    func returned(_ entry: QueueEntry, _ list: MailingList, _ number: UInt32, _ sent: Timestamp) async throws -> Answer {
        let now = clock()
        guard number != 0 else { return Answer(ending: .dropped("mail to the owners came back")) }
        guard entry.draft.reversePath == .null else { return Answer(ending: .dropped("it is no report")) }
        guard now.rawValue - sent.rawValue < ListMaster.newsTime, let member = try await register.member(number, of: list) else {
            return Answer(ending: .dropped("it is of an old post, or a former member"))
        }
        let report = ReturnedPost(try await store.read(0..<min(entry.size, ReturnedPost.looked), of: entry.id))
        guard report.isFailure else { return Answer(ending: .dropped("it tells of no failure")) }
        // Of what comes back of one post from many, the owners see some.
        let isShown = shown.admits(member.address, of: list, now: now, for: entry.id)
        guard !report.isOfThePost else {
            guard isShown else { return Answer(ending: .dropped("the owners have seen enough that came back")) }
            return Answer { [try await forward(entry, to: list, at: .bounces)] }
        }
        // Before the entry ends: who reads it again, behind a crash, comes to the same.
        let failed: ListMember.Failed
        do {
            failed = try await register.change(member: member.address, of: list.address) {
                $0.failed(postOf: sent, at: now, reason: report.reason, by: entry.id)
            }
        } catch ListFault.noSuchMember { return Answer(ending: .dropped("it is of a former member")) }
        if failed.isSuspended {
            log.notice("A list's member is suspended: a week of mail came back", metadata: ["list": "\(list.key)", "member": "\(member.address)"])
        }
        return Answer {
            var notices: [QueueUpdate.Notice] = []
            if failed.isSuspended { notices.append(try await letter(.suspension(of: member, list, report.reason))) }
            if failed.isShown && isShown { notices.append(try await forward(entry, to: list, at: .bounces)) }
            return notices
        }
    }

    /// Another server, or a mailbox here, has taken what the envelope says.
    package func took(_ reversePath: ReversePath) async {
        guard let address = reversePath.address, let local = ListLocalPart(address.localPart), local.role == .bounces else { return }
        do {
            guard let door = try await register.door(address), case .bounce(let number, let sent) = door.purpose,
                let member = try await register.member(number, of: door.list), member.failing != nil
            else { return }
            let now = clock()
            _ = try await register.change(member: member.address, of: door.list.address) { $0.took(postOf: sent, at: now, isSure: false) }
        } catch {
            // It is not known then that the member can be reached, and the next post tells again.
            log.warning("That a list's member got a post was not written down: \(error)", metadata: ["list": "\(address.domain)"])
        }
    }

    func mailToOwners(_ entry: QueueEntry, _ list: MailingList) async throws -> Answer {
        let survey = try await start(of: entry).post.survey
        guard survey.isComplete, survey.hops < HeaderSurvey.mostHops, !survey.wasDelivered(to: list.address(.owner), by: host) else {
            return Answer(ending: .dropped("it was with the owners before"))
        }
        return Answer { [try await forward(entry, to: list, at: .owner)] }
    }
}
