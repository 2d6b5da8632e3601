/// RFC 2047: text beyond ASCII in header fields, as `=?charset?encoding?text?=`.
package enum EncodedWord {
    // Each run of words in one charset opens a converter; more runs than this are no honest header.
    private static let mostRuns = 1_000

    /// The text with its encoded words decoded; blanks between two of them go (RFC 2047 §6.2). Words of an unknown
    /// charset and what only looks like a word stay. A character that was cut between two words is put together. The
    /// result holds no CR, LF or NUL. Linear.
    package static func decode(_ text: String) -> String {
        var text = text
        return text.withUTF8 { octets in
            guard firstMark(in: octets, from: 0) != nil else { return nil }
            var decoder = Decoder(octets: octets)
            return decoder.decode()
        } ?? text
    }

    fileprivate static func firstMark(in octets: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        let raw = UnsafeRawBufferPointer(octets)
        var start = start
        while let found = Lines.index(of: UInt8(ascii: "?"), in: raw, from: start) {
            if found > 0, octets[found - 1] == UInt8(ascii: "=") { return found - 1 }
            start = found + 1
        }
        return nil
    }

    private struct Decoder {
        let octets: UnsafeBufferPointer<UInt8>
        var result = ""
        // Decoded octets of neighbouring words in one charset.
        var run: (charset: String, octets: [UInt8])?
        var runs = 0
        let converters = Charset.Converters()

        mutating func decode() -> String {
            var plain = 0
            var index = 0
            while runs < mostRuns, let mark = firstMark(in: octets, from: index) {
                guard mark >= index else {
                    // The "=" belongs to what was read before.
                    index += 1
                    continue
                }
                guard let word = Word(octets, at: mark), Charset.isKnown(word.charset) else {
                    index = mark + 2
                    continue
                }
                let between = octets[plain..<mark]
                if run == nil || !between.allSatisfy(HeaderText.isBlank) {
                    endRun()
                    result += String(decoding: between, as: UTF8.self)
                }
                if run?.charset == word.charset {
                    run?.octets += word.octets
                } else {
                    endRun()
                    run = (word.charset, word.octets)
                }
                index = word.end
                plain = word.end
            }
            endRun()
            return result + String(decoding: octets[plain...], as: UTF8.self)
        }

        mutating func endRun() {
            guard let run else { return }
            runs += 1
            result += HeaderText.cleaned(run.octets.withUnsafeBytes { Charset.decode($0, label: run.charset, with: converters) } ?? "")
            self.run = nil
        }
    }

    /// The header octets with those beyond ASCII that stand within "Q" words written as =XX: some mailers leave them there as they are. They mean
    /// what the word's charset says, not what the octets around it are in. Nil where there is no such word. Linear.
    static func quotingOctets(of raw: UnsafeRawBufferPointer) -> [UInt8]? {
        let text = raw.bindMemory(to: UInt8.self)
        var result: [UInt8]?
        var copied = 0
        var index = 0
        while let mark = firstMark(in: text, from: index) {
            guard mark >= index, let word = Span(text, at: mark) else {
                index = mark >= index ? mark + 2 : index + 1
                continue
            }
            index = word.end
            guard word.encoding == UInt8(ascii: "q"), text[word.text].contains(where: { $0 >= 0x80 }) else { continue }
            var octets = result ?? []
            result = nil
            octets += text[copied..<word.text.lowerBound]
            for octet in text[word.text] {
                if octet < 0x80 { octets.append(octet) } else { octets += [UInt8(ascii: "="), Hex.digit(octet >> 4), Hex.digit(octet & 15)] }
            }
            copied = word.text.upperBound
            result = octets
        }
        return result.map { $0 + text[copied...] }
    }

    /// Where an encoded word and its parts lie.
    ///
    /// encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?=" (RFC 2047 §2, RFC 2231 §5)
    private struct Span {
        let charset: Range<Int>
        /// In lower case.
        let encoding: UInt8
        let text: Range<Int>
        let end: Int

        init?(_ octets: UnsafeBufferPointer<UInt8>, at mark: Int) {
            var index = mark + 2
            let charsetStart = index
            while index < octets.count, index - charsetStart < 64, octets[index] != UInt8(ascii: "?") {
                guard octets[index] > 0x20, octets[index] < 0x7F else { return nil }
                index += 1
            }
            guard index > charsetStart, index + 2 < octets.count, octets[index] == UInt8(ascii: "?"),
                octets[index + 2] == UInt8(ascii: "?")
            else { return nil }
            charset = charsetStart..<index
            encoding = octets[index + 1] | 0x20
            let start = index + 3
            guard let stop = Lines.index(of: UInt8(ascii: "?"), in: UnsafeRawBufferPointer(octets), from: start),
                stop + 1 < octets.count, octets[stop + 1] == UInt8(ascii: "=")
            else { return nil }
            text = start..<stop
            end = stop + 2
        }
    }

    private struct Word {
        let charset: String
        let octets: [UInt8]
        let end: Int

        init?(_ text: UnsafeBufferPointer<UInt8>, at mark: Int) {
            guard let span = Span(text, at: mark) else { return nil }
            let label = String(decoding: text[span.charset], as: UTF8.self).lowercased()
            charset = String(label.prefix { $0 != "*" })
            end = span.end
            switch span.encoding {
            case UInt8(ascii: "q"): octets = Word.unquoted(text[span.text])
            case UInt8(ascii: "b"): octets = Word.unbased(text[span.text])
            default: return nil
            }
        }

        private static func unquoted(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8] {
            var result: [UInt8] = []
            var index = text.startIndex
            while index < text.endIndex {
                if text[index] == UInt8(ascii: "="), index + 2 < text.endIndex, let high = Hex.value(text[index + 1]),
                    let low = Hex.value(text[index + 2])
                {
                    result.append(high << 4 | low)
                    index += 3
                } else {
                    result.append(text[index] == UInt8(ascii: "_") ? 0x20 : text[index])
                    index += 1
                }
            }
            return result
        }

        private static func unbased(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> [UInt8] {
            var decoder = Base64Decoder()
            let input = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: text))
            let decoded = [UInt8](unsafeUninitializedCapacity: input.count + Base64Decoder.heldBack) { room, count in
                count = decoder.decode(input, into: UnsafeMutableRawBufferPointer(room))
            }
            return decoded + decoder.flush()
        }
    }
}
