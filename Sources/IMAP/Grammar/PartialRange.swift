import MailModel
import MessageFormat
import NIOCore

/// A page of results by their places, from 1 on, or with `isFromEnd` from the last one back (RFC 9394 §4).
package struct PartialRange: Hashable, Sendable {
    /// As written, the minus signs left out; in either order.
    package let first: UInt32
    package let second: UInt32
    package let isFromEnd: Bool

    package init(_ first: UInt32, _ second: UInt32, isFromEnd: Bool = false) {
        self.first = first
        self.second = second
        self.isFromEnd = isFromEnd
    }

    /// The page's places, from 0 on, in a list of `count`; empty when it lies beyond.
    package func places(of count: Int) -> Range<Int> {
        let low = Int(min(first, second)) - 1
        let high = Int(max(first, second))
        guard low < count else { return 0..<0 }
        let shown = low..<min(high, count)
        return isFromEnd ? count - shown.upperBound..<count - shown.lowerBound : shown
    }
}

/// A page of a search's results; the numbers in the order in which they are told.
package struct PartialResult: Hashable, Sendable {
    package let range: PartialRange
    package let numbers: [UInt32]

    package init(range: PartialRange, numbers: [UInt32]) {
        self.range = range
        self.numbers = numbers
    }
}

extension ArgumentReader {
    //     partial-range       = partial-range-first / partial-range-last             ; RFC 9394 §4
    //     partial-range-first = nz-number ":" nz-number
    //     partial-range-last  = MINUS nz-number ":" MINUS nz-number
    mutating func partialRange() throws(SyntaxError) -> PartialRange {
        let isFromEnd = take("-")
        let first = try number(from: 1, upTo: UInt64(UInt32.max))
        guard take(":"), take("-") == isFromEnd else { throw SyntaxError("Partial range expected") }
        let second = try number(from: 1, upTo: UInt64(UInt32.max))
        return PartialRange(
            UInt32(truncatingIfNeeded: first), UInt32(truncatingIfNeeded: second), isFromEnd: isFromEnd)
    }
}

extension ByteBuffer {
    //     ret-data-partial = "PARTIAL" SP "(" partial-range SP partial-results ")"
    //     partial-results  = sequence-set / "NIL"
    mutating func writePartial(_ result: PartialResult) {
        let minus: StaticString = result.range.isFromEnd ? "-" : ""
        write(" PARTIAL (")
        write(minus)
        writeDecimal(result.range.first)
        write(":")
        write(minus)
        writeDecimal(result.range.second)
        write(" ")
        if result.numbers.isEmpty { write("NIL") } else { writeOrdered(result.numbers) }
        write(")")
    }

    /// Numbers in the order given, rising runs as ranges (RFC 5267 §3.2); not empty.
    mutating func writeOrdered(_ numbers: [UInt32]) {
        var index = 0
        while index < numbers.count {
            var end = index
            while end + 1 < numbers.count, numbers[end] < .max, numbers[end + 1] == numbers[end] + 1 { end += 1 }
            if index > 0 { write(",") }
            writeDecimal(numbers[index])
            if end > index {
                write(":")
                writeDecimal(numbers[end])
            }
            index = end + 1
        }
    }
}
