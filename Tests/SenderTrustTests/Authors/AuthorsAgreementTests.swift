import FuzzEntries
import MailModel
import NIOCore
import Rehearsal
import SenderTrust
import Testing

#if canImport(Glibc)
import Glibc
#endif

@Suite("Who is judged and who is shown in ENVELOPE are the same, or the message is unclear")
struct AuthorsAgreementTests {
    private static let pieces = [
        "From:", "from :", "From", "FROM:", " From:", "Sender:", "Subject:", "Bcc:", ">From a", "From a", " ", "\t", "\r\n", "\r\n ", "\r\n\t", "\r", "\n",
        "\0", ":",
        ",", ";", "<", ">", "@", "\"", "\\", "(", ")", "[", "]", ".", "a@legit.example", "<b@attack.example>", "legit.example", "attack.example", "admin",
        "=?utf-8?q?a=40b=2Eexample?=", "=?utf-8?b?PGFAYi5leGFtcGxlPg==?=", "x:", "ü", "\u{200B}", "\u{202E}", "\u{01}", "\r\n\r\n", "Alice", "\"A, B\"", "(c)",
        "@a,@b:",
        "a@legit.example, ", "<b@attack.example>, ", "A <a@legit.example>,", "; b@legit.example", "<a@legit.example>", "<a@legit.example>",
    ]

    /// Headers made of what matters, most of them with a From field.
    private static func header(_ chance: inout Mutator.Chance) -> String {
        var text = Bool.random(using: &chance) ? "From: " : ""
        for _ in 0..<Int.random(in: 1...14, using: &chance) { text += pieces.randomElement(using: &chance) ?? "" }
        return text + (Bool.random(using: &chance) ? "\r\n\r\n" : "")
    }

    @Test("headers by chance", .timeLimit(.minutes(2)))
    func chance() {
        var chance = Mutator.Chance(seed: 7)
        var counts: [String: Int] = [:]
        for _ in 0..<20_000 {
            let text = Self.header(&chance)
            Array(text.utf8).withUnsafeBytes { fuzzMessageAuthors($0) }
            switch MessageAuthors(ByteBuffer(string: text)) {
            case .none: counts["none", default: 0] += 1
            case .one: counts["one", default: 0] += 1
            case .several: counts["several", default: 0] += 1
            case .unclear: counts["unclear", default: 0] += 1
            }
        }
        // All kinds were among them.
        for kind in ["none", "one", "several", "unclear"] { #expect(counts[kind, default: 0] > 5, "\(kind)") }
    }

    @Test("real mail is never unclear", .enabled(if: !RealHeaders.files.isEmpty, "no real mail beside the project"))
    func realMail() {
        for path in RealHeaders.files {
            let header = RealHeaders.header(path)
            header.withUnsafeReadableBytes { fuzzMessageAuthors($0) }
            guard case .one = MessageAuthors(header) else {
                Issue.record("\(path): \(MessageAuthors(header))")
                continue
            }
        }
    }
}

/// Headers of the public messages that lie beside the project, where they do.
enum RealHeaders {
    static let files: [String] = {
        let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(separator: "/")
        let folder = getenv("MARTLET_TEST_MAIL").map { String(cString: $0) } ?? package + "/../shared/data/mail-lkml"
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if name.hasSuffix(".eml") { names.append("\(folder)/\(name)") }
        }
        return names.sorted()
    }()

    /// Up to the empty line, with CRLF.
    static func header(_ path: String) -> ByteBuffer {
        var header = ByteBuffer()
        guard let file = fopen(path, "r") else { return header }
        defer { fclose(file) }
        var last: UInt8 = 0x0A
        while case let octet = fgetc(file), octet >= 0 {
            let octet = UInt8(truncatingIfNeeded: octet)
            if octet == 0x0D { continue }
            if octet == 0x0A { header.writeInteger(UInt8(0x0D)) }
            header.writeInteger(octet)
            if octet == 0x0A, last == 0x0A { break }
            last = octet
        }
        return header
    }
}
