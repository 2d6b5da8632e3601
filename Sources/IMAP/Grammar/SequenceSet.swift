package import MailModel

/// A set of messages as a command writes it: numbers whose last may be `*`, or `$` (RFC 9051 §4.1.1, §6.4.4.1).
package enum SequenceSet: Hashable, Sendable {
    /// `$`: the saved result of a search.
    case saved
    case ranges([Span])

    /// `a`, `a:b`, `a:*`, `*`; the ends in either order. 0 stands for `*`.
    package struct Span: Hashable, Sendable {
        let first: UInt32
        let second: UInt32
    }

    /// 0 stands for `*`.
    static func one(_ number: UInt32) -> SequenceSet { .ranges([Span(first: number, second: number)]) }

    /// The numbers meant when `*` is `last`, the highest number in use; with `last` 0 (an empty mailbox) spans with `*`
    /// mean nothing. Nil for `saved`. O(n log n).
    package func resolved(last: UInt32) -> NumberSet? {
        guard case .ranges(let spans) = self else { return nil }
        var ranges: [ClosedRange<UInt32>] = []
        ranges.reserveCapacity(spans.count)
        for span in spans {
            let a = span.first == 0 ? last : span.first
            let b = span.second == 0 ? last : span.second
            guard a > 0, b > 0 else { continue }
            ranges.append(min(a, b)...max(a, b))
        }
        return NumberSet(ranges)
    }

    /// The highest number written, without `*`; 0 when there is none. A sequence number over the mailbox's count is BAD
    /// (RFC 9051 §9 seq-number).
    package var highest: UInt32 {
        guard case .ranges(let spans) = self else { return 0 }
        return spans.reduce(0) { max($0, $1.first, $1.second) }
    }

    /// Whether `*` is in it.
    package var hasStar: Bool {
        guard case .ranges(let spans) = self else { return false }
        return spans.contains { $0.first == 0 || $0.second == 0 }
    }
}
