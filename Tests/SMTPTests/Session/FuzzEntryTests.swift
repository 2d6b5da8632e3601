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
        "BDAT 7\r\n",
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
}
