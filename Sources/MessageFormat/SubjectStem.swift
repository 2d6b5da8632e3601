/// The base subject (RFC 5256 §2.1): a subject without what replies, forwards and mailing lists put around it; what SORT and THREAD compare.
package struct SubjectStem: Hashable, Sendable {
    /// Decoded, each run of blanks one space; "" when nothing is left.
    package let text: String
    /// What was taken off says that the message is a reply or a forward.
    package let isReplyOrForward: Bool

    /// `subject`: the field's value, its RFC 2047 words not decoded. Linear.
    package init(_ subject: String?) {
        // Step 1.
        var peeler = SubjectPeeler(Array(EncodedWord.decode(subject ?? "").utf8))
        // Steps 2 to 6; each round takes octets off, or is the last.
        repeat {
            peeler.dropTrailers()
            peeler.dropLeaders()
        } while peeler.dropForward()
        text = peeler.rest
        isReplyOrForward = peeler.isReplyOrForward
    }
}

/// Takes a subject's ends off.
private struct SubjectPeeler {
    private let octets: [UInt8]
    private var lower = 0
    private var upper: Int
    private(set) var isReplyOrForward = false

    init(_ text: [UInt8]) {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count)
        for octet in text {
            let isBlank = octet == 0x20 || octet == 0x09 || octet == 0x0D || octet == 0x0A
            if isBlank, octets.last == 0x20 { continue }
            octets.append(isBlank ? 0x20 : octet)
        }
        self.octets = octets
        upper = octets.count
    }

    var rest: String { String(decoding: octets[lower..<upper], as: UTF8.self) }

    //     subj-trailer = "(fwd)" / WSP
    mutating func dropTrailers() {
        while lower < upper {
            if octets[upper - 1] == 0x20 {
                upper -= 1
            } else if upper - lower >= 5, has("(fwd)", at: upper - 5) {
                upper -= 5
                isReplyOrForward = true
            } else {
                return
            }
        }
    }

    //     subj-leader = (*subj-blob subj-refwd) / WSP
    // Blobs before no subj-refwd go too, as long as something is left (step 4).
    mutating func dropLeaders() {
        while true {
            lower = blanks(from: lower)
            var end = lower
            var last = lower
            while let next = blob(at: end) { (last, end) = (end, next) }
            if let next = refwd(at: end) {
                lower = next
                isReplyOrForward = true
            } else {
                lower = end < upper ? end : last
                return
            }
        }
    }

    //     subj-fwd = subj-fwd-hdr subject subj-fwd-trl ; subj-fwd-hdr = "[fwd:" ; subj-fwd-trl = "]"
    mutating func dropForward() -> Bool {
        guard upper - lower >= 6, octets[upper - 1] == UInt8(ascii: "]"), has("[fwd:", at: lower) else { return false }
        lower += 5
        upper -= 1
        isReplyOrForward = true
        return true
    }

    //     subj-blob = "[" *BLOBCHAR "]" *WSP ; BLOBCHAR: any octet but "[" and "]"
    private func blob(at start: Int) -> Int? {
        guard start < upper, octets[start] == UInt8(ascii: "[") else { return nil }
        var index = start + 1
        while index < upper, octets[index] != UInt8(ascii: "["), octets[index] != UInt8(ascii: "]") { index += 1 }
        guard index < upper, octets[index] == UInt8(ascii: "]") else { return nil }
        return blanks(from: index + 1)
    }

    //     subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
    private func refwd(at start: Int) -> Int? {
        var index = start
        if has("re", at: start) || has("fw", at: start) { index += 2 } else { return nil }
        if has("fwd", at: start) { index += 1 }
        index = blanks(from: index)
        index = blob(at: index) ?? index
        return index < upper && octets[index] == UInt8(ascii: ":") ? index + 1 : nil
    }

    private func blanks(from start: Int) -> Int {
        var index = start
        while index < upper, octets[index] == 0x20 { index += 1 }
        return index
    }

    /// In any case; `word` in small letters.
    private func has(_ word: StaticString, at start: Int) -> Bool {
        guard start >= lower, upper - start >= word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { letters in
            letters.indices.allSatisfy { index in
                let octet = octets[start + index]
                return octet == letters[index] || (0x41...0x5A).contains(octet) && octet | 0x20 == letters[index]
            }
        }
    }
}
