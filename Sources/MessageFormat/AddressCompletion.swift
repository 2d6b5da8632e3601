package import MailModel
package import NIOCore

/// Gives the addresses of a header field the domain that some of them lack: the system's programs write `To: root`. All else stays as it is, comments too.
package enum AddressCompletion {
    /// The field's value, with `@domain` behind every address that is a local part alone.
    package static func complete(_ value: ByteBuffer, with domain: Domain) -> ByteBuffer {
        let ends = value.withUnsafeReadableBytes { octets in
            var search = Search(octets)
            return search.ends()
        }
        guard !ends.isEmpty else { return value }
        var rest = value
        var completed = ByteBuffer()
        var done = 0
        for end in ends {
            if var piece = rest.readSlice(length: end - done) { completed.writeBuffer(&piece) }
            completed.writeString("@\(domain.value)")
            done = end
        }
        completed.writeBuffer(&rest)
        return completed
    }

    /// Where addresses without a domain end. One pass over the octets.
    private struct Search {
        private var lexer: FieldLexer
        private var found: [Int] = []
        /// Of the address that is being read: how many words it has so far, where the last ends, and whether nothing is to be added to it.
        private var words = 0
        private var lastEnd: Int?
        private var isWhole = false

        init(_ octets: UnsafeRawBufferPointer) { lexer = FieldLexer(octets) }

        mutating func ends() -> [Int] {
            while true {
                lexer.skipBlank()
                guard let octet = lexer.peek() else { break }
                if octet == UInt8(ascii: "\"") || OctetSet.phraseWord.contains(octet) {
                    word(octet)
                    continue
                }
                lexer.index += 1
                switch octet {
                case UInt8(ascii: "@"): isWhole = true
                case UInt8(ascii: "<"), UInt8(ascii: ":"):
                    // What came so far was a name.
                    (words, lastEnd, isWhole) = (0, nil, false)
                case UInt8(ascii: ">"):
                    end()
                    isWhole = true
                case UInt8(ascii: ","), UInt8(ascii: ";"):
                    end()
                    isWhole = false
                default: break
                }
            }
            end()
            return found
        }

        private mutating func word(_ octet: UInt8) {
            if lastEnd != lexer.index { words += 1 }
            if octet == UInt8(ascii: "\"") {
                var text: [UInt8] = []
                lexer.quoted(into: &text)
                // What has no end cannot be completed behind it.
                if lexer.isUnclosed { isWhole = true }
            } else {
                _ = lexer.run(.phraseWord)
            }
            lastEnd = lexer.index
        }

        private mutating func end() {
            if !isWhole, words == 1, let lastEnd { found.append(lastEnd) }
            (words, lastEnd) = (0, nil)
        }
    }
}
