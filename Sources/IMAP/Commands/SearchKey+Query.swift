import MailModel
import PostOffice

// What IMAP's search keys mean (RFC 9051 §6.4.4; RFC 3501 §6.4.4 for \Recent).
extension SearchKey {
    /// `now`: what OLDER and YOUNGER count from. `NoSuchNumber`. As deep as the key, which the grammar bounds.
    func query(in view: MailboxView, now: Timestamp) throws -> SearchQuery {
        switch self {
        case .and(let keys): .and(try keys.map { try $0.query(in: view, now: now) })
        case .or(let a, let b): .or(try a.query(in: view, now: now), try b.query(in: view, now: now))
        case .not(let key): .not(try key.query(in: view, now: now))
        case .fuzzy(let key): .approximate(try key.query(in: view, now: now))
        case .sequence(.saved), .uid(.saved): .uids(view.saved)
        case .sequence(let set): .places(try view.places(of: set, .sequence))
        case .uid(let set): .uids(set.resolved(last: view.rows.lastUID?.rawValue ?? 0) ?? NumberSet())
        case .recent: .uids(view.recent)
        case .old: .not(.uids(view.recent))
        case .new: .and([.uids(view.recent), .not(.flags(.seen))])
        case .all, .saveDateSupported: .all
        case .flag(let flag): .flags(flag)
        case .keyword(let keyword): .keyword(keyword)
        // A day is one of UTC, in which INTERNALDATE and SAVEDATE (RFC 8514 §4.3) are shown.
        case .before(let day): .received(DaySpan.before(day).inUTC)
        case .on(let day): .received(DaySpan.on(day).inUTC)
        case .since(let day): .received(DaySpan.since(day).inUTC)
        case .savedBefore(let day): .saved(DaySpan.before(day).inUTC)
        case .savedOn(let day): .saved(DaySpan.on(day).inUTC)
        case .savedSince(let day): .saved(DaySpan.since(day).inUTC)
        case .sentBefore(let day): .sent(.before(day))
        case .sentOn(let day): .sent(.on(day))
        case .sentSince(let day): .sent(.since(day))
        // RFC 5032 §3.
        case .older(let seconds): .received(.earliest..<Timestamp(rawValue: now.rawValue &- Int64(seconds) &+ 1))
        case .younger(let seconds): .received(Timestamp(rawValue: now.rawValue &- Int64(seconds))..<Timestamp.latest)
        case .larger(let size): .size(min(size, .max - 1) + 1..<UInt64.max)
        case .smaller(let size): .size(0..<size)
        case .modSeq(let modSeq): .changed(since: modSeq)
        // RFC 8474 §5.3.
        case .emailID(let id): BodyID(objectID: id).map { .message($0) } ?? .nothing
        case .threadID(let id): ThreadID(objectID: id).map { .thread($0) } ?? .nothing
        case .from(let text): .addresses("from", hold: text)
        case .to(let text): .addresses("to", hold: text)
        case .cc(let text): .addresses("cc", hold: text)
        case .bcc(let text): .addresses("bcc", hold: text)
        case .subject(let text): .field("subject", holds: text)
        case .header(let field, let text): .field(field, holds: text)
        case .body(let text): .body(text)
        case .text(let text): .text(text)
        }
    }
}

extension SearchKey {
    /// Whether FUZZY is among the keys.
    var isFuzzy: Bool {
        switch self {
        case .fuzzy: true
        case .and(let keys): keys.contains(where: \.isFuzzy)
        case .or(let a, let b): a.isFuzzy || b.isFuzzy
        case .not(let key): key.isFuzzy
        default: false
        }
    }

    /// Whether MODSEQ is among the keys.
    var asksModSeq: Bool {
        switch self {
        case .modSeq: true
        case .and(let keys): keys.contains(where: \.asksModSeq)
        case .or(let a, let b): a.asksModSeq || b.asksModSeq
        case .not(let key), .fuzzy(let key): key.asksModSeq
        default: false
        }
    }
}

extension FoundMessage {
    /// What the client calls it.
    func told(_ numbering: Numbering) -> UInt32 { numbering == .uid ? row.uid.rawValue : UInt32(clamping: place + 1) }
}
