import CUnicode

/// How folded text (`Casemap`) parts into the words that an index of it keeps.
///
/// A word is a run of letters, marks and numbers, as long as can be, of up to `longest` octets. Of scripts without spaces the words are all pairs of
/// neighbours, or a character that has none. So whatever is looked for in a text, its words or parts of them are among the text's words.
package enum SearchWords {
    /// In octets. Longer runs are no words of any language but encoded data, and are looked for in the text itself.
    package static let longest = 96

    /// Calls `visit` with each word's place. Answers whether there was a run that is too long. Linear.
    package static func forEach(in text: UnsafeRawBufferPointer, _ visit: (Range<Int>) -> Void) -> Bool {
        var hasLong = false
        forEachRun(in: text) { run in
            switch run.kind {
            case .separator: break
            case .word: if run.range.count <= longest { visit(run.range) } else { hasLong = true }
            case .spaceless: forEachPair(in: text, run.range, visit)
            }
        }
        return hasLong
    }

    struct Run {
        let kind: Casemap.Kind
        let range: Range<Int>
    }

    /// Runs of one kind, none of them separators.
    static func forEachRun(in text: UnsafeRawBufferPointer, _ visit: (Run) -> Void) {
        var index = 0
        var start = 0
        var kind = Casemap.Kind.separator
        while index < text.count {
            let at = index
            let next = step(text, &index)
            // Nearly all there is: the rest of a word in one go.
            if next == .word { while index < text.count, isASCIIWord(text[index]) { index += 1 } }
            guard next != kind else { continue }
            if kind != .separator { visit(Run(kind: kind, range: start..<at)) }
            (kind, start) = (next, at)
        }
        if kind != .separator { visit(Run(kind: kind, range: start..<index)) }
    }

    @inline(__always)
    static func step(_ text: UnsafeRawBufferPointer, _ index: inout Int) -> Casemap.Kind {
        let octet = text[index]
        guard octet >= 0x80 else {
            index += 1
            return isASCIIWord(octet) ? .word : .separator
        }
        return Casemap.kind(of: Casemap.scalar(text, at: &index))
    }

    /// A letter or a digit.
    @inline(__always)
    private static func isASCIIWord(_ octet: UInt8) -> Bool { (octet | 0x20) &- 0x61 < 26 || octet &- 0x30 < 10 }

    static func forEachPair(in text: UnsafeRawBufferPointer, _ run: Range<Int>, _ visit: (Range<Int>) -> Void) {
        var index = run.lowerBound
        _ = step(text, &index)
        guard index < run.upperBound else { return visit(run) }
        var first = run.lowerBound
        var second = index
        while second < run.upperBound {
            index = second
            _ = step(text, &index)
            visit(first..<index)
            (first, second) = (second, index)
        }
    }
}
