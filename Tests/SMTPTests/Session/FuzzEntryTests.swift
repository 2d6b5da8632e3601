import FuzzEntries
import NIOCore
import Rehearsal
import SMTP
import Testing

@Suite struct FuzzEntryTests {
    private struct Chance: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    static let pieces = [
        "EHLO c\r\n", "HELO c\r\n", "MAIL FROM:<a@b.example>\r\n", "MAIL FROM:<> SIZE=99 SMTPUTF8\r\n", "RCPT TO:<a@example.test>\r\n", "DATA\r\n",
        "BDAT 7\r\n", "MAIL FROM:<> BODY=BINARYMIME MT-PRIORITY=1\r\n", "MAIL FROM:<> HOLDFOR=9 BY=60;R\r\n", "Content-Transfer-Encoding: binary\r\n",
        "Delivered-To: a@b\r\n",
        "BDAT 45\r\n", "BDAT 0 LAST\r\n", "BDAT 40 LAST\r\n", ".\r\n", "..\r\n", "\n.\r\n", "\r.\r\n", "line\r\n", "\r\n", "\0", "RSET\r\n", "NOOP\r\n",
        "STARTTLS\r\n",
        "AUTH PLAIN AGFsaWNlAHg=\r\n", "AUTH LOGIN\r\n", "YWxpY2U=\r\n", "*\r\n", "QUIT\r\n", "a", ".", "\r", "\n", "Received: x\r\n",
    ]

    @Test("what is answered does not depend on how it was cut: random conversations")
    func conversations() {
        var chance = Chance(state: 5_321)
        for round in 0..<250 {
            var bytes: [UInt8] = [UInt8.random(in: .min ... .max, using: &chance) & (round % 2 == 0 ? 0x0F : 0x04)]
            if round % 2 == 0 { bytes += Array("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.test>\r\n".utf8) }
            for _ in 0..<Int.random(in: 1...40, using: &chance) {
                bytes += Array((Self.pieces.randomElement(using: &chance) ?? "").utf8)
            }
            bytes.withUnsafeBytes { fuzzSMTPSession($0) }
        }
    }

    @Test("and of users who send octets of any kind")
    func binary() {
        var chance = Chance(state: 3_030)
        let pieces: [[UInt8]] = [
            Array("Content-Transfer-Encoding: binary\r\n".utf8), Array("Content-Type: multipart/mixed; boundary=b\r\n".utf8), Array("\r\n".utf8),
            Array("--b\r\n".utf8),
            Array("--b--\r\n".utf8), [0], [13], [10], [255], Array("a: b\r\n".utf8), Array("Content-Type: message/rfc822\n".utf8), Array("text\n".utf8),
        ]
        for _ in 0..<250 {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 1...10, using: &chance) { text += pieces.randomElement(using: &chance) ?? [] }
            let cut = Int.random(in: 0...text.count, using: &chance)
            var bytes = [0x03] + Array("EHLO c\r\nAUTH PLAIN AGFsaWNlAHg=\r\nMAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<a@example.test>\r\n".utf8)
            bytes += Array("BDAT \(cut)\r\n".utf8) + text[..<cut] + Array("BDAT \(text.count - cut) LAST\r\n".utf8) + text[cut...]
            bytes.withUnsafeBytes { fuzzSMTPSession($0) }
        }
    }
}
