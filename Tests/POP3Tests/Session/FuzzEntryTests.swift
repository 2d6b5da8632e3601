import FuzzEntries
import POP3
import Testing

@Suite struct FuzzEntryTests {
    static let pieces = [
        "USER alice\r\n", "PASS open sesame\r\n", "AUTH PLAIN AGFsaWNlAHg=\r\n", "AUTH PLAIN\r\n", "AGFsaWNlAHg=\r\n", "*\r\n", "STLS\r\n", "CAPA\r\n",
        "UTF8\r\n",
        "LANG en\r\n", "STAT\r\n", "LIST\r\n", "LIST 2\r\n", "UIDL\r\n", "RETR 1\r\n", "RETR 2\r\n", "RETR 3\r\n", "RETR 9\r\n", "TOP 1 2\r\n", "DELE 1\r\n",
        "DELE 2\r\n",
        "RSET\r\n", "NOOP\r\n", "NOOP\n", "\r\n", "a", "\r", "\n", "\0", "QUIT\r\n", "APOP a b\r\n",
    ]

    @Test("what is answered does not depend on how it was cut: random conversations")
    func conversations() {
        var dice = Dice(state: 1_939)
        for round in 0..<400 {
            var bytes: [UInt8] = [UInt8.random(in: .min ... .max, using: &dice) & (round % 3 == 0 ? 0x1F : 0x11)]
            for _ in 0..<Int.random(in: 1...30, using: &dice) { bytes += Array((Self.pieces.randomElement(using: &dice) ?? "").utf8) }
            bytes.withUnsafeBytes { fuzzPOP3Session($0) }
        }
    }
}
