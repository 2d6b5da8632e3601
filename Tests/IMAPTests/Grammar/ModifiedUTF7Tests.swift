import MailModel
import NIOCore
import Testing

@testable import IMAP

@Suite struct ModifiedUTF7Tests {
    private static let known: [(String, String)] = [
        ("INBOX", "INBOX"), ("A&B", "A&-B"), ("&", "&-"), ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("été", "&AOk-t&AOk-"),
        ("Entwürfe", "Entw&APw-rfe"), ("😀", "&2D3eAA-"), ("a😀b", "a&2D3eAA-b"), ("日&本", "&ZeU-&-&Zyw-"),
    ]

    @Test("names both ways: RFC 3501 §5.1.3", arguments: known)
    func table(_ name: String, _ encoded: String) {
        #expect(written { ModifiedUTF7.encode(name, into: &$0) } == encoded)
        #expect(ModifiedUTF7.decode(encoded) == name)
    }

    @Test(
        "what cannot be decoded stays",
        arguments: ["&", "a&b", "&AO", "&A-", "&AA-", "&AOl-", "&2D0-", "&3gA-", "&AOk", "&é-", "&&&&", "&AAAAA-"])
    func tolerance(_ name: String) {
        #expect(ModifiedUTF7.decode(name) == name)
    }

    @Test(
        "a shift that RFC 3501 §5.1.3 does not allow is known, though it is read",
        arguments: [
            "&", "a&b", "&Jjo!", "&Jjo", "&U,BTFw-&ZeVnLIqe-", "&AGE-", "&AOkAYQ-", "&ACY-", "&AO", "&A-", "&AOl-", "&2D0-", "&é-", "&&-", "R&D", "a-&",
            "&AOk-&-&AOk-&AOk-",
        ])
    func malformed(_ name: String) {
        #expect(!ModifiedUTF7.isWellFormed(name))
    }

    @Test(
        "what it allows, and UTF-8 that old clients send",
        arguments: known.map(\.1) + ["", "&-", "&-&-", "&AOk-&-&AOk-", "&AOk-a&AOk-", "été", "é&-", "a-b", "&AAo-"])
    func wellFormed(_ name: String) {
        #expect(ModifiedUTF7.isWellFormed(name))
    }

    @Test("every name comes back")
    func roundTrip() {
        var random = Seeded(3)
        let characters: [Character] = ["a", "&", "-", "é", "日", "😀", "/", ",", "+", " ", "\u{7F}", "ÿ"]
        for _ in 0..<2_000 {
            let name = String(
                (0..<Int.random(in: 0...12, using: &random)).map { _ in characters.randomElement(using: &random) ?? "a"
                })
            let encoded = written { ModifiedUTF7.encode(name, into: &$0) }
            #expect(encoded.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
            #expect(ModifiedUTF7.decode(encoded) == name && ModifiedUTF7.isWellFormed(encoded))
        }
    }

    /// A decoder that looked to the end of the name at every shift would take 10^11 steps and more; the limit says so.
    @Test("a hostile name is read in linear time", .timeLimit(.minutes(20)), arguments: ["&", "&A", "&AAAA", "&-"])
    func hostile(unit: String) {
        let name = String(repeating: unit, count: 200_000)
        #expect(ModifiedUTF7.decode(name).utf8.count >= 200_000)
        #expect(ModifiedUTF7.isWellFormed(name) == (unit == "&-"))
    }
}
