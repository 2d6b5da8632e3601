// Texts that are looked into in parts.
extension SearchWords {
    /// Where a text that goes on may be parted: what comes before `end` and what begins with `next` have the words of the whole and no others, and the
    /// `overlap` octets before `end` are in both. Nil when too little has come. O(overlap).
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

    /// Where the run begins that ends before `end`, or so much of it that the words of the whole run that go on behind `end` are those of this: of a run
    /// that is too long for a word, more than a word may have; of a script without spaces a pair.
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
