import MailModel
import MessageFormat
import NIOCore
import Testing

@Suite("Addresses without a domain get one")
struct AddressCompletionTests {
    private func completed(_ value: String) throws -> String {
        String(buffer: AddressCompletion.complete(ByteBuffer(string: value), with: try #require(Domain("example.org"))))
    }

    @Test(
        "what is a local part alone, and nothing else, is completed",
        arguments: [
            (" root\r\n", " root@example.org\r\n"),
            (" root (Cron Daemon)\r\n", " root@example.org (Cron Daemon)\r\n"),
            (" (who \\) knows) root\r\n", " (who \\) knows) root@example.org\r\n"),
            ("root,bob", "root@example.org,bob@example.org"),
            ("a.b.c , \"d e\" ", "a.b.c@example.org , \"d e\"@example.org "),
            ("\"a\".b", "\"a\".b@example.org"),
            ("Bob B <bob>, \"C, D\" <c@d.example>", "Bob B <bob@example.org>, \"C, D\" <c@d.example>"),
            ("all: root, bob@a.example;, ann", "all: root@example.org, bob@a.example;, ann@example.org"),
            ("<bob>", "<bob@example.org>"),
            ("\r\n\tbob,\r\n\tann@x.example", "\r\n\tbob@example.org,\r\n\tann@x.example"),
            ("jürgen", "jürgen@example.org"),
        ])
    func completion(_ given: String, _ expected: String) throws {
        #expect(try completed(given) == expected)
        #expect(try completed(expected) == expected)
    }

    @Test(
        "what has a domain, or is no address, stays octet for octet",
        arguments: [
            "a@b.example", "a@b.example (root)", "<@x.example:a@b.example>", "Cron Daemon root", "<>", "", " ", "undisclosed-recipients:;", "a@[192.0.2.1]",
            "\"a\"@b", "a @ b.example", "root <a@b.example>", "a@b.example <c@d.example>", ",,;", "\"open", "(open",
        ])
    func nothing(_ value: String) throws {
        #expect(try completed(value) == value)
    }

    @Test("whatever the octets are, only the domain is added, and a second time nothing")
    func anything() throws {
        let marks = Array("<>@:;,\"\\() \r\n\tab.é".utf8) + [0, 0xFF]
        var generator = SeededGenerator(state: 7)
        for _ in 0..<2_000 {
            let octets = (0..<Int.random(in: 0...24, using: &generator)).map { _ in marks.randomElement(using: &generator) ?? 0 }
            let domain = try #require(Domain("x"))
            let once = AddressCompletion.complete(ByteBuffer(bytes: octets), with: domain)
            var left = octets[...]
            var rest = Array(once.readableBytesView)[...]
            while let octet = rest.popFirst() {
                if octet == left.first, !(octet == UInt8(ascii: "@") && rest.first == UInt8(ascii: "x")) {
                    left.removeFirst()
                } else {
                    #expect(octet == UInt8(ascii: "@") && rest.popFirst() == UInt8(ascii: "x"), "\(octets)")
                }
            }
            #expect(left.isEmpty, "\(octets)")
            #expect(AddressCompletion.complete(once, with: domain) == once, "\(octets)")
        }
    }
}

private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state
    }
}
