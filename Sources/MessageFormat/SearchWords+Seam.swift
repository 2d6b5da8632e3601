// Texts whose words are read in parts, because the whole is too long to be in memory at once.
extension SearchWords {
    /// Where to cut a text of which more is to come: one part is what lies before `end`, the next one begins at `next`, at least `overlap` octets before `end`, so that a
    /// phrase of that length across the cut lies whole in one of them. Together the parts have exactly the words of the whole text: no word is cut in two and taken for
    /// others. Nil when too little has come to cut. O(overlap).
    static func seam(of text: UnsafeRawBufferPointer, overlap: Int) -> (end: Int, next: Int)? {
        let last = tail(of: text, before: text.count)
        let end = last.isAnyLength ? text.count : last.start
        var next = last.start
        if end - overlap < next {
            var place = max(0, end - overlap)
            while place > 0, text[place] & 0xC0 == 0x80 { place -= 1 }
            next = tail(of: text, before: place).start
        }
        return next > 0 ? (end, next) : nil
    }

    /// Where the run of word characters begins that reaches up to `end`, so that a part that begins there has the words of that run right. Two runs need not be
    /// kept whole, and for them `isAnyLength` is true: one that is longer than a word may be, whose last `longest` octets and one more show that it is no word; and one of
    /// a script without spaces, whose words are pairs of characters, so that its last pair is enough.
    private static func tail(of text: UnsafeRawBufferPointer, before end: Int) -> (start: Int, isAnyLength: Bool) {
        var start = end
        var characters = 0
        var kind: Casemap.Kind?
        while start > 0 {
            var index = start - 1
            while index > 0, text[index] & 0xC0 == 0x80 { index -= 1 }
            var behind = index
            let own = step(text, &behind)
            guard own != .separator, kind == nil || own == kind else { break }
            kind = own
            start = index
            characters += 1
            switch own {
            case .separator: break
            case .word where end - start > longest: return (start, true)
            case .spaceless where characters == 2: return (start, true)
            case .word, .spaceless: break
            }
        }
        return (start, false)
    }
}
