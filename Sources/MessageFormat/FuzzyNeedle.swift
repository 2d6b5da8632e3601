/// A text that is looked for approximately (RFC 6203 §3): every word of it must be in a text, or one like it.
package struct FuzzyNeedle: Hashable, Sendable {
    /// Folded.
    package let octets: [UInt8]
    /// Its different words; more than `mostWords` are left out.
    package let words: [[UInt8]]

    private static let mostWords = 8
    /// Octets under which a word is like no other but those that begin with it.
    private static let shortest = 4

    package init(_ text: String) {
        octets = Casemap.folded(text)
        var words: [[UInt8]] = []
        octets.withUnsafeBytes { bytes in
            _ = SearchWords.forEach(in: bytes) { range in
                let word = Array(bytes[range])
                if words.count < FuzzyNeedle.mostWords, !words.contains(word) { words.append(word) }
            }
        }
        self.words = words
    }

    package static func == (a: FuzzyNeedle, b: FuzzyNeedle) -> Bool { a.octets == b.octets }
    package func hash(into hasher: inout Hasher) { hasher.combine(octets) }

    /// How like a word of a text is to one of the needle's: 100 for the same, 0 for not at all.
    package func likeness(_ number: Int, to word: UnsafeRawBufferPointer) -> UInt8 {
        words[number].withUnsafeBytes { own in
            if own.count == word.count, own.elementsEqual(word) { return 100 }
            if word.count > own.count, word.starts(with: own) { return 80 }
            guard own.count >= FuzzyNeedle.shortest, word.count >= FuzzyNeedle.shortest, word.count + 4 > own.count else { return 0 }
            if FuzzyNeedle.stem(own).elementsEqual(FuzzyNeedle.stem(word)) { return 70 }
            if FuzzyNeedle.isOneApart(own, word) { return 50 }
            return word.count > own.count && SearchNeedle.holds(word, own) ? 40 : 0
        }
    }

    // The commonest endings of several languages: what is left need be no word.
    private static let endings: [[UInt8]] = ["INGS", "ING", "ERN", "ES", "ED", "EN", "ER", "EM", "LY", "S", "E", "N"].map { Array($0.utf8) }

    private static func stem(_ word: UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer> {
        for ending in endings where word.count >= ending.count + shortest - 1 && word.suffix(ending.count).elementsEqual(ending) {
            return word.dropLast(ending.count)
        }
        return word[...]
    }

    /// Whether one character more, less, other or a swap of two makes one of the other. A character beyond ASCII counts by its octets.
    private static func isOneApart(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
        guard abs(a.count - b.count) <= 3 else { return false }
        var start = 0
        while start < min(a.count, b.count), a[start] == b[start] { start += 1 }
        var tail = 0
        while tail < min(a.count, b.count) - start, a[a.count - 1 - tail] == b[b.count - 1 - tail] { tail += 1 }
        // Back to where a character begins.
        while start > 0, start < max(a.count, b.count), isWithin(a, start) || isWithin(b, start) { start -= 1 }
        while tail > 0, isWithin(a, a.count - tail) || isWithin(b, b.count - tail) { tail -= 1 }
        let left = a[start..<(a.count - tail)]
        let right = b[start..<(b.count - tail)]
        let (leftCount, rightCount) = (characters(left), characters(right))
        if leftCount <= 1, rightCount <= 1 { return true }
        guard leftCount == 2, rightCount == 2, left.count == right.count else { return false }
        return left.count == 2 && left.first == right.last && left.last == right.first
    }

    private static func isWithin(_ text: UnsafeRawBufferPointer, _ index: Int) -> Bool { index < text.count && text[index] & 0xC0 == 0x80 }

    private static func characters(_ text: Slice<UnsafeRawBufferPointer>) -> Int { text.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } }

    /// Of the likeness of each word at its best; 0: a word is missing, and so the needle.
    package func score(_ best: some Collection<UInt8>) -> UInt8 {
        guard !best.isEmpty, !best.contains(0) else { return 0 }
        return UInt8(best.reduce(0) { $0 + Int($1) } / best.count)
    }

    /// Of a text, folded.
    package func score(in text: [UInt8], _ best: inout [UInt8]) {
        text.withUnsafeBytes { bytes in
            _ = SearchWords.forEach(in: bytes) { range in
                let word = UnsafeRawBufferPointer(rebasing: bytes[range])
                for number in words.indices where best[number] < 100 { best[number] = max(best[number], likeness(number, to: word)) }
            }
        }
    }
}
