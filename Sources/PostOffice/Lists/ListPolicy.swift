import MailModel
import MessageFormat

/// What is known of a post when it is judged.
struct ListPost: Sendable {
    let survey: HeaderSurvey
    let reversePath: ReversePath
    /// One of our users, logged in, hands it in.
    let isOurUsers: Bool
    /// A program of this machine hands it in, which may have a name below ours.
    var isLocal = false
    /// What we call ourselves in trace lines.
    let host: Domain?
    /// Whether it was proved that the author's domain wrote it or let it be written; nil: nobody has judged, or not yet.
    var isAuthorProven: Bool?

    // from = "From:" mailbox-list                                         (RFC 5322 §3.6.2)
    /// Who wrote it; nil: that is not clear.
    var author: Address? {
        guard survey.from.count == 1, !survey.from.isCut, let list = AddressList.parseClear(survey.from.value) else { return nil }
        let mailboxes = list.filter { !$0.isGroupStart && !$0.isGroupEnd }
        guard mailboxes.count == 1, let local = mailboxes[0].mailbox, let domain = mailboxes[0].host.flatMap({ Domain($0) }) else { return nil }
        return Address(localPart: local, domain: domain)
    }
}

/// What is done with a post.
enum ListVerdict: Hashable, Sendable {
    case post
    /// An owner decides; why, in words for the owners.
    case moderate(String)
    case refuse(ListRefusal)
}

enum ListRefusal: Hashable, Sendable {
    /// A program's, or nobody's.
    case automatic
    /// It was on the list before.
    case loop
    case notAllowed
    /// Too many wait for the owners.
    case crowded

    // RFC 3463 §3: X.7.2 mailing list expansion prohibited, X.4.6 routing loop, X.3.2 system not accepting.
    var answer: (code: Int, status: EnhancedStatus, text: String) {
        switch self {
        case .automatic: (550, .permanent(7, 2), "the list takes no automatic mail")
        case .loop: (554, .permanent(4, 6), "the message was on this list before")
        case .notAllowed: (550, .permanent(7, 2), "you may not post to this list")
        case .crowded: (451, .transient(3, 2), "too many posts wait for the list's owners; try again later")
        }
    }

    var refusal: Refusal {
        let answer = answer
        return SMTPAnswer(answer.code, answer.status.description, answer.text).map { .policy($0) } ?? .unavailable
    }
}

extension MailingList {
    /// - parameters:
    ///   - member: who the author is among the members; nil: nobody.
    ///   - isAuthorHere: the author's domain is one of this house, or could be taken for one (`Forwarding.isAlignedWithOurs`).
    func verdict(_ post: ListPost, author: Address?, member: ListMember?, isAuthorHere: Bool) -> ListVerdict {
        guard post.reversePath != .null else { return .refuse(.automatic) }
        if post.survey.cameBy(list: identifier) { return .refuse(.loop) }
        if let host = post.host, post.survey.wasDelivered(to: address, by: host) || post.survey.hops >= HeaderSurvey.mostHops { return .refuse(.loop) }
        guard !post.survey.isUnfitForLists else { return .refuse(.automatic) }
        guard let author else { return posters == .anyone ? .moderate("who wrote it is not clear") : refusedOr(.moderate("who wrote it is not clear")) }
        // Who is ours logs in to write: others only claim to be them.
        let isClaimed = isAuthorHere && !post.isOurUsers && post.isAuthorProven != true
        // Of the others it is believed where nobody has judged.
        if post.isAuthorProven == false, !post.isOurUsers, isOwner(author) || member != nil {
            return .moderate("it is not proved that its author wrote it (DMARC)")
        }
        if posters == .anyone {
            if isClaimed { return .moderate("it came from outside in the name of a user of this server") }
            return member?.mayPost == false ? .moderate("posts of this member are moderated") : .post
        }
        if isOwner(author) { return isClaimed ? .moderate("it came from outside in the name of a user of this server") : .post }
        guard posters == .members, let member else { return refusedOr(.moderate("its author is not among those who may post")) }
        if isClaimed { return .moderate("it came from outside in the name of a user of this server") }
        return member.mayPost ? .post : .moderate("posts of this member are moderated")
    }

    private func refusedOr(_ verdict: ListVerdict) -> ListVerdict { others == .refused ? .refuse(.notAllowed) : verdict }
}
