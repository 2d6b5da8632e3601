import MailModel

// Keys whose truth for a message changes only with that message (RFC 5267 §4.3).
extension SearchKey {
    /// Keys, and ranges of UIDs, of a search that is kept up to date.
    private static let mostUpdated = (keys: 100, ranges: 1_000)

    /// The key with its sets as they are now; nil when it cannot be kept up to date: message numbers and `*` come to mean other
    /// messages, time goes by, or there is too much of it.
    func updatable(in view: MailboxView) -> SearchKey? {
        var room = SearchKey.mostUpdated
        return fixed(in: view, &room)
    }

    private func fixed(in view: MailboxView, _ room: inout (keys: Int, ranges: Int)) -> SearchKey? {
        room.keys -= 1
        guard room.keys >= 0 else { return nil }
        switch self {
        case .older, .younger: return nil
        case .sequence(.saved), .uid(.saved):
            return SearchKey.fixed(view.saved.ranges.map { SequenceSet.Span(first: $0.lowerBound, second: $0.upperBound) }, 0, &room)
        // 1:* is every message, whatever its number.
        case .sequence(.ranges(let spans)): return spans.contains(where: \.isEverything) ? .all : nil
        case .uid(.ranges(let spans)): return SearchKey.fixed(spans, view.rows.lastUID?.rawValue ?? 0, &room)
        case .and(let keys):
            var fixed: [SearchKey] = []
            for key in keys {
                guard let key = key.fixed(in: view, &room) else { return nil }
                fixed.append(key)
            }
            return .and(fixed)
        case .or(let a, let b):
            guard let a = a.fixed(in: view, &room), let b = b.fixed(in: view, &room) else { return nil }
            return .or(a, b)
        case .not(let key): return key.fixed(in: view, &room).map { .not($0) }
        case .fuzzy(let key): return key.fixed(in: view, &room).map { .fuzzy($0) }
        default: return self
        }
    }

    /// `n:*` is n and all above it, as long as n is not above the last.
    private static func fixed(_ spans: [SequenceSet.Span], _ last: UInt32, _ room: inout (keys: Int, ranges: Int)) -> SearchKey? {
        room.ranges -= spans.count
        guard room.ranges >= 0 else { return nil }
        var fixed: [SequenceSet.Span] = []
        for span in spans {
            guard span.hasStar else {
                fixed.append(span)
                continue
            }
            guard span.isEverything || (span.low > 0 && span.low <= last) else { return nil }
            fixed.append(SequenceSet.Span(first: span.low, second: .max))
        }
        return .uid(.ranges(fixed))
    }
}

extension SequenceSet.Span {
    fileprivate var hasStar: Bool { first == 0 || second == 0 }
    /// The end that is not `*`; 0 for `*` alone.
    fileprivate var low: UInt32 { max(first, second) }
    fileprivate var isEverything: Bool { hasStar && low == 1 }
}
