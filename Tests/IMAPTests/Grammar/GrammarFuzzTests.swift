import FuzzEntries
import Testing

@testable import IMAP

@Suite struct GrammarFuzzTests {
    private static let seeds = [
        "a LOGIN {3}\r\nbob {4+}\r\nword\r\n",
        "b APPEND INBOX (\\Seen $x) \"17-Jul-1996 02:44:25 -0700\" {10+}\r\n0123456789\r\nc NOOP\r\n",
        "a APPEND {3+}\r\nfoo ~{5}\r\nabcde (\\Draft) {2+}\r\nxy\r\n",
        "d UID FETCH 1:*,3,$ (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (A {1+}\r\nB)]<0.5>) (CHANGEDSINCE 5)\r\n",
        "e SEARCH RETURN (MIN SAVE) CHARSET UTF-8 OR (SEEN 1:3) NOT SUBJECT {2+}\r\n\u{E9} SINCE 1-Feb-1994\r\n",
        "f IDLE\r\nDONE\r\n",
        "g LIST (SUBSCRIBED) \"&AOk-\" (% \"a*b\") RETURN (STATUS (MESSAGES) CHILDREN)\r\n",
        "h AUTHENTICATE PLAIN\r\nAGEAYg==\r\ni ID (\"a\" NIL)\r\n",
        "j STORE 1 (UNCHANGEDSINCE 3) +FLAGS.SILENT (\\Seen a)\r\nk CREATE x (USE (\\Sent))\r\n",
        "l MOVE 2:4 &ZeVnLIqe-\r\n", "m LOGIN a {999+}\r\nxxx",
    ].map { Array($0.utf8) }

    @Test("mutated conversations do not crash, hang or depend on their cuts")
    func mutations() {
        var random = Seeded(20_260_101)
        for round in 0..<2_000 {
            var octets: [UInt8] = [UInt8.random(in: 0...255, using: &random)]
            for _ in 0...(round % 3) { octets += Self.seeds.randomElement(using: &random) ?? [] }
            for _ in 0..<Int.random(in: 0...6, using: &random) { mutate(&octets, &random) }
            octets.withUnsafeBytes(fuzzIMAPGrammar)
        }
    }

    @Test("noise does not crash")
    func noise() {
        var random = Seeded(5)
        let alphabet = Array("a1 {}+~()[]<>\"\\*%$,:.\r\n\0&-NOOPFETCH\u{E9}".utf8)
        for _ in 0..<1_500 {
            let octets = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            octets.withUnsafeBytes(fuzzIMAPGrammar)
        }
    }

    private func mutate(_ octets: inout [UInt8], _ random: inout Seeded) {
        guard octets.count > 2 else { return }
        let at = Int.random(in: 1..<octets.count, using: &random)
        switch Int.random(in: 0...5, using: &random) {
        case 0: octets[at] = UInt8.random(in: 0...255, using: &random)
        case 1: octets.remove(at: at)
        case 2: octets.insert(Array(" {}()\"\\\r\n*0+~".utf8).randomElement(using: &random) ?? 0x20, at: at)
        case 3: octets.removeSubrange(at...)
        case 4: octets.insert(contentsOf: octets[at..<min(at + 30, octets.count)], at: at)
        default: octets.insert(contentsOf: Self.seeds.randomElement(using: &random) ?? [], at: at)
        }
    }
}
