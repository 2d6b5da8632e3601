import Glibc

extension Charset {
    /// Reads a text piece by piece as `decode` reads it whole, and one of an unknown charset as `HeaderText.eightBit` does.
    struct TextDecoder {
        private enum Form {
            case utf8
            /// UTF-8 if all of it is, otherwise of this charset of the C library; nil: ISO 8859-1.
            case unsure(String?)
            case latin1
            case library(String)
            case hz(ChineseShift)
        }

        private var form: Form
        /// Opened when it is needed: most texts are ASCII.
        private var converter: iconv_t?
        private let converters = Converters()
        /// Of HZ, its shifts taken out.
        private var shifted: [UInt8] = []

        init(_ label: String) {
            form =
                switch Coding(label) {
                case .utf8?: .utf8
                case .ascii?: .unsure("CP1252")
                case .hz?: .hz(ChineseShift())
                case .library(let name)?: .library(name)
                case nil: .unsure(nil)
                }
        }

        /// Whether one must know beforehand if the text is UTF-8.
        var isUnsure: Bool { if case .unsure = form { true } else { false } }

        mutating func settle(isUTF8: Bool) {
            guard case .unsure(let name) = form else { return }
            form = isUTF8 ? .utf8 : name.map { .library($0) } ?? .latin1
        }

        private mutating func open() -> iconv_t? {
            if let converter { return converter }
            switch form {
            case .library(let name): converter = converters.converter(of: name)
            case .hz: converter = converters.converter(of: "GBK")
            case .utf8, .unsure, .latin1: return nil
            }
            // The C library does not have it.
            if converter == nil { form = .unsure(nil) }
            return converter
        }

        /// Appends the text in UTF-8, whole characters. Answers how many octets were used: the rest, a few, must come again with what follows. Of the last
        /// ones all are used. Who is unsure takes the first octets for all.
        mutating func decode(_ octets: UnsafeRawBufferPointer, isLast: Bool, into text: inout [UInt8]) -> Int {
            let converter = open()
            if isUnsure { settle(isUTF8: UTF8Pieces.isWhole(octets)) }
            switch form {
            case .utf8, .unsure:
                let end = isLast ? octets.count : UTF8Pieces.end(of: octets)
                text.append(contentsOf: String(decoding: UnsafeRawBufferPointer(rebasing: octets[..<end]), as: UTF8.self).utf8)
                return end
            case .latin1:
                for octet in octets {
                    if octet >= 0x80 { text.append(0xC0 | octet >> 6) }
                    text.append(octet >= 0x80 ? 0x80 | octet & 0x3F : octet)
                }
                return octets.count
            case .library:
                guard let converter = converter ?? open() else { return octets.count }
                return Charset.convert(octets, isLast: isLast, converter, into: &text)
            case .hz(var shift):
                guard let converter else { return octets.count }
                let used = shift.apply(to: octets, isLast: isLast, into: &shifted)
                form = .hz(shift)
                let converted = shifted.withUnsafeBytes { Charset.convert($0, isLast: isLast, converter, into: &text) }
                shifted.removeFirst(converted)
                return used
            }
        }
    }

    /// UTF-8 that is cut anywhere.
    enum UTF8Pieces {
        static func isWhole(_ octets: UnsafeRawBufferPointer) -> Bool {
            Charset.isASCII(octets) || String(validating: octets, as: UTF8.self) != nil
        }

        /// Without a character at the end that may go on. What is malformed comes out as from the whole: no character takes in the beginning of another.
        static func end(of octets: UnsafeRawBufferPointer) -> Int {
            var index = octets.count
            while index > max(0, octets.count - 3) {
                index -= 1
                if octets[index] >= 0xC0 { return index }
                if octets[index] < 0x80 { break }
            }
            return octets.count
        }
    }
}
