import IMAP
import NIOCore
import Rehearsal
import Testing

@Suite("Garbled commands")
struct GarbledTests {
    private static let commands = [
        "a NOOP", "b CAPABILITY", "c SELECT INBOX (CONDSTORE)", "d EXAMINE \"Sent\"",
        "e LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (\"*\" %) RETURN (STATUS (SIZE))",
        "f FETCH 1:* (FLAGS UID BODY.PEEK[1.2.HEADER.FIELDS (A B)]<0.9> BINARY[1] ENVELOPE BODYSTRUCTURE)", "g UID STORE 1:4294967295 +FLAGS (\\Seen $X)",
        "h SEARCH OR FROM {3+}\r\nabc NOT (TEXT x 1:2 $) RETURN (SAVE)", "i APPEND INBOX (\\Seen) {4+}\r\nabcd", "j APPEND INBOX {9}", "k IDLE", "DONE",
        "l COPY 1,3:* Archive", "m UID MOVE $ Trash", "n EXPUNGE", "o STATUS INBOX (MESSAGES HIGHESTMODSEQ)", "p RENAME a/b c",
        "q CREATE \"a/b\" (USE (\\Sent))",
        "r SEARCH RETURN (SAVE MIN MAX) MODSEQ 1 UNSEEN", "s FETCH 1 (MODSEQ) (CHANGEDSINCE 3)", "t CLOSE", "u ENABLE IMAP4REV2", "v UID EXPUNGE 1:9",
        "w DELETE a",
        "x STORE 1 (UNCHANGEDSINCE 0) -FLAGS.SILENT \\Deleted", "y LSUB \"\" %", "z ID (\"name\" NIL)",
    ]

    @Test("whatever comes, cut in any way, the session goes on or closes, and never waits for work it did not begin", arguments: 1...4)
    func garbled(seed: UInt64) async throws {
        let house = try await House { $0.mostErrors = (stranger: 1_000_000, member: 1_000_000) }
        for _ in 0..<3 { try await house.deliver(Sample.multipart) }
        var dice = Generator(state: seed)
        var talk = await house.selected()
        for _ in 0..<400 {
            if talk.isClosed { talk = await house.selected() }
            var bytes = Array(((Self.commands.randomElement(using: &dice) ?? "") + "\r\n").utf8)
            for _ in 0..<Int.random(in: 0...2, using: &dice) { Self.garble(&bytes, &dice) }
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...max(1, rest.count), using: &dice))
                rest = rest.dropFirst(piece.count)
                let answer = await talk.send(Array(piece))
                #expect(answer.count < 1 << 20)
            }
            #expect(!talk.isStalled)
        }
        await talk.hangUp()
    }

    private static func garble(_ bytes: inout [UInt8], _ dice: inout Generator) {
        guard let place = bytes.indices.randomElement(using: &dice) else { return }
        switch Int.random(in: 0..<4, using: &dice) {
        case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &dice)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(contentsOf: "(){}\"\\*%$\0\r\n 9:".utf8.randomElement(using: &dice).map { [$0] } ?? [], at: place)
        default: bytes.insert(contentsOf: bytes[place...].prefix(6), at: place)
        }
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }
}
