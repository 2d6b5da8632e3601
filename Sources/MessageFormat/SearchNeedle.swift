import CUnicode

/// A text that is looked for: as a part of another, under i;unicode-casemap (RFC 9051 §6.4.4, RFC 5051).
package struct SearchNeedle: Hashable, Sendable {
    /// What an index can say of the texts that hold the needle: one of their words, written between line feeds, holds this pattern.
    package struct Clause: Hashable, Sendable {
        /// A line feed at an end: there the word ends too. Empty: the text has a run that is too long for a word.
        package let pattern: [UInt8]
        /// Whether the word may also be hidden in a run that is too long.
        package let mayBeLong: Bool
    }

    /// Folded.
    package let octets: [UInt8]
    /// All must be so; none: any text may hold the needle.
    package let clauses: [Clause]
    /// A text has the needle exactly if it has a word by the only clause.
    package let isOneWord: Bool

    /// A text of many words is looked for by the longest of them.
    private static let mostClauses = 12

    package init(_ text: String) {
        let octets = Casemap.folded(text)
        self.octets = octets
        var clauses: [Clause] = []
        var runs = 0
        var covered = 0
        octets.withUnsafeBytes { bytes in
            SearchWords.forEachRun(in: bytes) { run in
                runs += 1
                covered += run.range.count
                SearchNeedle.append(run, of: bytes, to: &clauses)
            }
        }
        isOneWord = runs == 1 && covered == octets.count && clauses.count == 1 && clauses[0].pattern.isEmpty == false
        if clauses.count > SearchNeedle.mostClauses { clauses.sort { $0.pattern.count > $1.pattern.count } }
        self.clauses = Array(clauses.prefix(SearchNeedle.mostClauses))
    }

    package static func == (a: SearchNeedle, b: SearchNeedle) -> Bool { a.octets == b.octets }
    package func hash(into hasher: inout Hasher) { hasher.combine(octets) }

    package var isEmpty: Bool { octets.isEmpty }

    private static func append(_ run: SearchWords.Run, of text: UnsafeRawBufferPointer, to clauses: inout [Clause]) {
        let isOpenBefore = run.range.lowerBound == 0
        let isOpenAfter = run.range.upperBound == text.count
        func clause(_ range: Range<Int>, openBefore: Bool, openAfter: Bool, mayBeLong: Bool) {
            var pattern: [UInt8] = openBefore ? [] : [0x0A]
            pattern += text[range]
            if !openAfter { pattern.append(0x0A) }
            clauses.append(Clause(pattern: pattern, mayBeLong: mayBeLong))
        }
        switch run.kind {
        case .separator: break
        case .word where run.range.count > SearchWords.longest: clauses.append(Clause(pattern: [], mayBeLong: true))
        case .word: clause(run.range, openBefore: isOpenBefore, openAfter: isOpenAfter, mayBeLong: isOpenBefore || isOpenAfter)
        case .spaceless:
            SearchWords.forEachPair(in: text, run.range) { pair in
                // One character may be either one of a pair.
                let isOpen = pair == run.range && isSingle(text, pair) && (isOpenBefore || isOpenAfter)
                clause(pair, openBefore: isOpen, openAfter: isOpen, mayBeLong: false)
            }
        }
    }

    private static func isSingle(_ text: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        _ = Casemap.scalar(text, at: &index)
        return index >= range.upperBound
    }

    package func isIn(_ text: String) -> Bool { isIn(folded: Casemap.folded(text)) }

    /// The empty text is in every text. Linear, whatever the two are.
    package func isIn(folded text: [UInt8]) -> Bool { text.withUnsafeBytes { isIn(folded: $0) } }

    static func holds(_ text: UnsafeRawBufferPointer, _ part: UnsafeRawBufferPointer) -> Bool {
        cunicode_find(text.baseAddress, text.count, part.baseAddress, part.count) != nil
    }

    package func isIn(folded text: UnsafeRawBufferPointer) -> Bool {
        guard !octets.isEmpty else { return true }
        return octets.withUnsafeBytes { cunicode_find(text.baseAddress, text.count, $0.baseAddress, $0.count) != nil }
    }
}

/// Where patterns are in a list of words, each with a line feed before and behind it.
package enum WordList {
    /// The next place of `pattern` at or after `start`.
    package static func find(_ pattern: UnsafeRawBufferPointer, in text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let origin = text.baseAddress, start < text.count else { return nil }
        return cunicode_find(origin + start, text.count - start, pattern.baseAddress, pattern.count).map { $0 - origin }
    }
}
