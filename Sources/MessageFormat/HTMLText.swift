/// The text of an HTML body, crudely: tags, comments, styles and scripts left out, the commonest entities resolved. For
/// previews and search, never for display. Linear.
enum HTMLText {
    static func stripped(_ html: String) -> String {
        var html = html
        return html.withUTF8 { String(decoding: stripped(UnsafeRawBufferPointer($0)), as: UTF8.self) }
    }

    /// Of UTF-8, in UTF-8.
    static func stripped(_ html: UnsafeRawBufferPointer) -> [UInt8] {
        var stripper = Stripper(octets: html)
        stripper.strip()
        return stripper.text
    }

    private struct Stripper {
        let octets: UnsafeRawBufferPointer
        var text: [UInt8] = []
        var index = 0

        init(octets: UnsafeRawBufferPointer) { self.octets = octets }

        mutating func strip() {
            text.reserveCapacity(octets.count / 2)
            while index < octets.count {
                switch octets[index] {
                case UInt8(ascii: "<"): mark()
                case UInt8(ascii: "&"): entity()
                default:
                    text.append(octets[index])
                    index += 1
                }
            }
        }

        private mutating func mark() {
            let start = index + 1
            guard start < octets.count, OctetSet.letters.contains(octets[start]) || "/!?".utf8.contains(octets[start])
            else {
                text.append(octets[index])
                index += 1
                return
            }
            if begins("!--", at: start) {
                index = end(of: "-->", from: start + 3)
                return
            }
            var nameEnd = start
            while nameEnd < octets.count, nameEnd - start < 16, OctetSet.letters.contains(octets[nameEnd]) {
                nameEnd += 1
            }
            let name = HeaderText.lowercased(UnsafeRawBufferPointer(rebasing: octets[start..<nameEnd]))
            index = end(of: ">", from: nameEnd)
            switch name {
            case "script": index = end(of: ">", from: end(of: "</script", from: index))
            case "style": index = end(of: ">", from: end(of: "</style", from: index))
            case "title": index = end(of: ">", from: end(of: "</title", from: index))
            default: break
            }
            let isClosing = octets[start] == UInt8(ascii: "/")
            if isClosing ? !closesInline(start + 1) : !HTMLText.inline.contains(name) { text.append(0x20) }
        }

        private func closesInline(_ start: Int) -> Bool {
            var end = start
            while end < octets.count, end - start < 16, OctetSet.letters.contains(octets[end]) { end += 1 }
            return HTMLText.inline.contains(
                HeaderText.lowercased(UnsafeRawBufferPointer(rebasing: octets[start..<end])))
        }

        private func begins(_ word: StaticString, at start: Int) -> Bool {
            let end = start + word.utf8CodeUnitCount
            return end <= octets.count
                && HeaderText.matches(UnsafeRawBufferPointer(rebasing: octets[start..<end]), word)
        }

        /// After the next occurrence in any case; the end when there is none, so no search is made twice.
        private func end(of word: StaticString, from start: Int) -> Int {
            var from = start
            while let found = Lines.index(of: word.utf8Start[0], in: octets, from: from) {
                if begins(word, at: found) { return found + word.utf8CodeUnitCount }
                from = found + 1
            }
            return octets.count
        }

        private mutating func entity() {
            var end = index + 1
            while end < octets.count, end - index < 12, octets[end] != UInt8(ascii: ";"),
                octets[end] != UInt8(ascii: "&")
            { end += 1 }
            let name = String(decoding: octets[(index + 1)..<end], as: UTF8.self)
            guard end < octets.count, octets[end] == UInt8(ascii: ";"), let scalar = HTMLText.scalar(name) else {
                text.append(octets[index])
                index += 1
                return
            }
            text += Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            index = end + 1
        }
    }

    // Tags that part no words.
    private static let inline: Set<String> = [
        "a", "b", "i", "u", "s", "em", "strong", "span", "font", "small", "big", "sub", "sup", "wbr", "abbr", "code",
        "tt",
        "ins", "del", "mark",
    ]

    private static func scalar(_ name: String) -> Unicode.Scalar? {
        if name.hasPrefix("#x") || name.hasPrefix("#X") {
            return UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
        }
        if name.hasPrefix("#") { return UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init) }
        return entities[name]
    }

    private static let entities: [String: Unicode.Scalar] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}", "copy": "©", "reg": "®",
        "euro": "€",
        "hellip": "…", "ndash": "–", "mdash": "—", "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”", "laquo": "«",
        "raquo": "»", "bull": "•", "middot": "·", "auml": "ä", "ouml": "ö", "uuml": "ü", "Auml": "Ä", "Ouml": "Ö",
        "Uuml": "Ü", "szlig": "ß", "eacute": "é", "egrave": "è", "agrave": "à", "ccedil": "ç", "zwnj": "\u{200C}",
    ]
}
