import Foundation
import MessageFormat
import NIOCore
import Storage

/// Messages to search in, and what a plain scan finds in them.
struct SearchMail {
    let bytes: ByteBuffer
    /// Folded.
    let header: [UInt8]
    let texts: [[UInt8]]

    init(_ bytes: ByteBuffer) {
        self.bytes = bytes
        var scanner = MessageScanner()
        scanner.consume(bytes)
        let outline = scanner.finish()
        var header: [UInt8] = []
        let end = min(outline.headerSize, MessageLimits.standard.headerOctets)
        SearchableText.fold(header: bytes.getSlice(at: 0, length: end) ?? ByteBuffer(), into: &header)
        self.header = header
        var texts: [[UInt8]] = []
        // Whole, in no windows.
        SearchableText(outline, overlap: .max).forEach(readNow: { bytes.getSlice(at: $0.lowerBound, length: $0.count) ?? ByteBuffer() }) {
            texts.append($0)
            return true
        }
        self.texts = texts
    }

    func holds(_ question: SearchQuestion) -> Bool {
        if question.zones.contains(.header), question.needle.isIn(folded: header) { return true }
        return question.zones.contains(.body) && texts.contains { question.needle.isIn(folded: $0) }
    }

    /// The public messages beside the project, where they lie.
    static let real: [ByteBuffer] = {
        let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let named = ProcessInfo.processInfo.environment["MARTLET_TEST_MAIL"].map { [$0] } ?? []
        for folder in named + [package + "/../shared/data/mail-lkml", "../shared/data/mail-lkml"] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder))?.filter { $0.hasSuffix(".eml") }.sorted() ?? []
            guard !names.isEmpty else { continue }
            return names.compactMap { FileManager.default.contents(atPath: folder + "/" + $0).map { ByteBuffer(bytes: $0) } }
        }
        print("no real mail: searched generated messages only")
        return []
    }()

    static let vocabulary = [
        "tea", "team", "steam", "Teatime", "kite", "Straße", "grün", "Ärger", "naïve", "résumé", "пример", "Примерно", "письмо", "λόγος", "Σίσυφος", "שלום",
        "مرحبا", "日本語", "東京都", "簡体", "中文邮件", "こんにちは", "カタカナ", "한국어", "편지", "ไทย", "สวัสดี", "ﬁnal", "№5", "ＡＢＣ", "x1", "4711", "user@example.test",
        "foo-bar", "a.b.c", "https://example.test/path?q=1", "C++", "don't", "😀", "e\u{301}te", "…", "--", "42%", "İstanbul",
    ]

    static func generated(_ number: Int, _ random: inout some RandomNumberGenerator) -> ByteBuffer {
        func text(_ count: Int) -> String {
            var text = ""
            for index in 0..<count {
                let word = vocabulary[Int.random(in: 0..<vocabulary.count, using: &random)]
                text += Int.random(in: 0..<6, using: &random) == 0 ? word + "\(number % 97)" : word
                text += index % 9 == 8 ? "\r\n" : [" ", " ", " ", ", ", "", ". "][Int.random(in: 0..<6, using: &random)]
            }
            return text
        }
        func base64(_ octets: some Sequence<UInt8>) -> String { Data(octets).base64EncodedString(options: [.lineLength76Characters]) }
        var out = "From: =?utf-8?b?\(base64(text(2).utf8))?= <from\(number % 7)@example.test>\r\nSubject: \(EncodedWord.encode(text(3)))\r\n"
        out += "Message-ID: <\(number)@example.test>\r\nMIME-Version: 1.0\r\n"
        switch number % 6 {
        case 0: out += "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text(40)
        case 1: out += "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64(text(40).utf8)
        case 2: out += "Content-Type: text/html; charset=utf-8\r\n\r\n<html><p class=hidden>" + text(20) + "</p><b>" + text(9) + "</b>&amp;</html>"
        case 3:
            out +=
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nplain \(number)\r\n--b\r\nContent-Type: image/png; name=\"pic-\(number % 13).png\"\r\n"
            out += "Content-Transfer-Encoding: base64\r\n\r\n" + base64((0..<300).map { UInt8(truncatingIfNeeded: $0 &* 31) }) + "\r\n--b\r\n"
            out += "Content-Type: message/rfc822\r\n\r\nSubject: inner \(number % 11)\r\n\r\n" + text(5) + "\r\n--b--\r\n"
        case 4: out += "\r\n" + String(repeating: "QmFzZTY0", count: 20 + number % 5) + " junk\r\n"
        default: out += "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=FCn und =C4rger \(number)\r\n"
        }
        return ByteBuffer(string: out + "\r\n")
    }

    /// A megabyte and a half of text, of one kind or another.
    static func large(_ number: Int, _ random: inout some RandomNumberGenerator) -> ByteBuffer {
        var text = ""
        while text.utf8.count < 1_500_000 {
            text += vocabulary[Int.random(in: 0..<vocabulary.count, using: &random)] + [" ", "", "\r\n", ", "][Int.random(in: 0..<4, using: &random)]
        }
        var out = "Subject: Large \(number)\r\nContent-Type: text/\(number % 2 == 0 ? "plain" : "html"); charset=utf-8\r\n"
        guard number % 4 < 2 else { return ByteBuffer(string: out + "\r\n" + text) }
        if number % 2 == 1 { text = text.split(separator: "\r\n").map { "<p class=\"hidden\">\($0)</p>" }.joined(separator: "&nbsp;") }
        out += "Content-Transfer-Encoding: base64\r\n\r\n"
        return ByteBuffer(string: out + Data(text.utf8).base64EncodedString(options: [.lineLength76Characters]) + "\r\n")
    }

    /// Words, fragments, phrases, single letters, needles with punctuation and long ones, in the messages or nowhere.
    static func needle(_ mail: [SearchMail], _ random: inout some RandomNumberGenerator) -> String {
        func cut(_ least: Int, _ most: Int) -> String {
            let message = mail[Int.random(in: 0..<mail.count, using: &random)]
            let octets = ([message.header] + message.texts).randomElement(using: &random) ?? []
            let scalars = Array(String(decoding: octets.prefix(60_000), as: UTF8.self).unicodeScalars)
            guard !scalars.isEmpty else { return "x" }
            let start = Int.random(in: 0..<scalars.count, using: &random)
            let end = min(scalars.count, start + Int.random(in: least...most, using: &random))
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars[start..<end])
            return String(text)
        }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return vocabulary[Int.random(in: 0..<vocabulary.count, using: &random)]
        case 1: return String(vocabulary[Int.random(in: 0..<vocabulary.count, using: &random)].dropFirst().prefix(3))
        case 2: return cut(1, 2)
        case 3: return cut(3, 12)
        case 4: return cut(10, 60)
        case 5: return cut(150, 3_000)
        case 6: return vocabulary[Int.random(in: 0..<vocabulary.count, using: &random)] + " " + vocabulary[Int.random(in: 0..<vocabulary.count, using: &random)]
        default: return cut(2, 6) + "qx"
        }
    }
}
