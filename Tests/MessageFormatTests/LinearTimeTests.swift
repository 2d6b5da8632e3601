import Glibc
import MessageFormat
import NIOCore
import Testing

/// Inputs that made other parsers slow: twice the input may take twice the time, generously measured, never four times.
@Suite(.serialized) struct LinearTimeTests {
    static let inputs: [(name: String, prefix: String, unit: String)] = [
        ("open comments", "To: ", "("), ("comments", "To: ", "(()) "), ("quotes", "To: ", "\"\\\""),
        ("angles", "To: ", "<@"),
        ("group marks", "To: ", "a:;"), ("colons", "To: ", ":"), ("routes", "To: ", "<@a,"), ("words", "To: ", "a "),
        ("dots", "To: ", "a . "), ("encoded words", "To: a@x\nSubject: ", "=?utf-8?q?"), ("marks", "Subject: ", "=?"),
        ("references", "References: ", "<"), ("identifiers", "References: ", "<a@x> "),
        ("closers", "References: ", ">"),
        ("parameters", "Content-Type: text/plain", ";a*0=b"),
        ("continuations", "Content-Type: text/plain", "; a*9*=b%20"),
        ("semicolons", "Content-Type: text/plain", ";"), ("dates", "Date: ", "(1 Jan "),
        ("languages", "Content-Language: ", "a,"),
        ("fields", "", "a:b\n"), ("folding", "Subject: x", "\n y"), ("colonless", "", "x\n"),
        ("one line", "Subject: ", "x"),
        ("dashes", MessageScannerTests.multipart(""), "--\n"),
        ("almost delimiters", MessageScannerTests.multipart(""), "--bb\n"),
        ("delimiters", MessageScannerTests.multipart(""), "--b\n"),
        ("parts", MessageScannerTests.multipart(""), "--b\n\n"),
        ("nesting", MessageScannerTests.multipart(""), "--b\nContent-Type: multipart/mixed; boundary=b\n\n"),
        ("messages", "", "Content-Type: message/rfc822\n\n"), ("tags", "Content-Type: text/html\n\n", "<"),
        ("unclosed comments", "Content-Type: text/html\n\n", "<!--"), ("entities", "Content-Type: text/html\n\n", "&a"),
        ("styles", "Content-Type: text/html\n\n", "<style><"),
        ("soft breaks", "Content-Transfer-Encoding: quoted-printable\n\n", "= \n"),
        ("padding", "Content-Transfer-Encoding: base64\n\n", "A="),
        ("bad characters", "Content-Type: text/plain; charset=euc-jp\n\n", "\u{FF}"),
        ("lone returns", "Subject: x\n\n", "\r"),
    ]

    static func duration(_ prefix: String, _ unit: String, octets: Int) -> Duration {
        let head = prefix.replacing("\n", with: "\r\n")
        let tail = unit.replacing("\n", with: "\r\n")
        let bytes = ByteBuffer(latin: head + String(repeating: tail, count: octets / tail.unicodeScalars.count))
        let before = threadTime()
        let inspection = MessageInspection(bytes)
        #expect(inspection.size == bytes.readableBytes)
        _ = EncodedWord.decode(inspection.header.first?.value ?? "")
        return threadTime() - before
    }

    /// The processor's, so that what else runs on the machine counts little.
    private static func threadTime() -> Duration {
        var now = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        return .seconds(now.tv_sec) + .nanoseconds(now.tv_nsec)
    }

    @Test("twice the input takes twice the time, not four times", arguments: inputs.indices)
    func doubling(index: Int) {
        let (name, prefix, unit) = LinearTimeTests.inputs[index]
        // Fourfold input, so that a square would show as sixteenfold; caches shared with others may double a time.
        for attempt in 1...3 {
            let small = LinearTimeTests.duration(prefix, unit, octets: 8_000)
            let large = LinearTimeTests.duration(prefix, unit, octets: 32_000)
            if large < small * 9 + .milliseconds(5) { return }
            if attempt == 3 { Issue.record("\(name): \(small) for 8 KB, \(large) for 32 KB") }
        }
    }
}
