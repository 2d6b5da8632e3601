import MailModel
import PostOffice
import Testing

@Suite("What a domain wants of those that send to it: RFC 8461 §3.2, §4.1")
struct StrictTransportPolicyTests {
    private func policy(_ text: String) -> StrictTransportPolicy? { StrictTransportPolicy(text.utf8) }

    @Test("lines end with LF or CR LF, the last may have none, and what is not known is ignored", arguments: ["\n", "\r\n"])
    func lines(end: String) throws {
        let lines = [
            "version: STSv1", "mode: enforce", "mx: Mail.Example.com", "later.x-1: wie schön, ja", "mx:*.example.net  ", "mx: \tbücher.example",
            "max_age: 604800 ",
        ]
        for text in [lines.joined(separator: end), lines.joined(separator: end) + end, lines.reversed().joined(separator: end) + end + end] {
            let policy = try #require(self.policy(text))
            #expect(policy.mode == .enforce && policy.maxAge == 604_800)
            #expect(Set(policy.exchangers.map(\.description)) == ["mail.example.com", "*.example.net", "xn--bcher-kva.example"])
            #expect(self.policy(policy.lines.joined(separator: end)) == policy)
        }
    }

    @Test("the first of two fields holds, and mx is a list")
    func repeated() {
        let policy = policy("version: STSv1\nmode: testing\nmode: none\nmax_age: 1\nmax_age: x\nversion: 2\nmx: a.example\nmx: b.example")
        #expect(policy?.mode == .testing && policy?.maxAge == 1 && policy?.exchangers.count == 2)
    }

    @Test("mode none needs no mx, the others do")
    func modes() {
        for mode in StrictTransportPolicy.Mode.allCases {
            #expect((policy("version: STSv1\nmode: \(mode.rawValue)\nmax_age: 0\n") != nil) == (mode == .none))
        }
    }

    private static let good = ["version: STSv1", "mode: enforce", "mx: a.example", "max_age: 86400"]

    @Test(
        "what is no policy is none: it is not read in part",
        arguments: [
            (0, ""), (1, ""), (2, ""), (3, ""), (0, "version: STSv2"), (0, "Version: STSv1"), (0, "version: stsv1"), (1, "mode: enforced"),
            (1, "mode: Enforce"),
            (2, "mx:"), (2, "mx: *"), (2, "mx: *.*.example"), (2, "mx: a.*.example"), (2, "mx: .example"), (2, "mx: [192.0.2.1]"), (2, "mx: a b.example"),
            (2, "mx: a.example, b.example"), (2, "mx: *.-a.example"), (3, "max_age: -1"), (3, "max_age: 31557601"), (3, "max_age: 99999999999"),
            (3, "max_age: 1d"), (3, "max_age: ٣"), (0, "version: STSv1\u{0}"), (0, "version: STSv1\rmode: none"), (0, " version: STSv1"), (0, "version STSv1"),
            (0, "version: STSv1\nnonsense"), (0, "version: STSv1\nx:"), (0, "version: STSv1\n-x: y"), (0, "<html>"),
        ])
    func broken(place: Int, line: String) {
        var lines = Self.good
        #expect(policy(lines.joined(separator: "\n")) != nil)
        lines[place] = line
        #expect(policy(lines.joined(separator: "\n")) == nil)
    }

    @Test("octets that are no UTF-8, a file that is too long, and one that names too many are none")
    func bounds() {
        let good = Self.good.joined(separator: "\n") + "\n"
        #expect(StrictTransportPolicy(Array(good.utf8) + Array("x: ".utf8) + [0xFF]) == nil)
        let room = StrictTransportPolicy.mostOctets - good.utf8.count
        #expect(policy(good + "x: " + String(repeating: "y", count: room - 3)) != nil)
        #expect(policy(good + "x: " + String(repeating: "y", count: room - 2)) == nil)
        let most = StrictTransportPolicy.mostExchangers
        #expect(policy(good + String(repeating: "mx: b.example\n", count: most - 1)) != nil)
        #expect(policy(good + String(repeating: "mx: b.example\n", count: most)) == nil)
        let long = "mx: " + String(repeating: String(repeating: "a", count: 60) + ".", count: 4) + "b.example\n"
        #expect(policy(good + String(repeating: long, count: 30)) != nil)
        #expect(policy(good + String(repeating: long, count: 40)) == nil)
    }

    @Test(
        "a star is one label, whatever the case: RFC 8461 §4.1; TRAPS §1.21",
        arguments: [
            ("mail.example.com", "MAIL.example.COM", true), ("mail.example.com", "mail.example.com.", true), ("mail.example.com", "example.com", false),
            ("mail.example.com", "a.mail.example.com", false), ("*.x.example", "a.x.example", true), ("*.X.Example", "A.x.example", true),
            ("*.x.example", "a.b.x.example", false), ("*.x.example", "x.example", false), ("*.x.example", "ax.example", false),
            ("*.bücher.example", "mx.xn--bcher-kva.example", true), ("*.example", "example", false),
        ])
    func matching(pattern: String, host: String, covers: Bool) throws {
        #expect(try #require(ExchangerPattern(pattern)).covers(try #require(Domain(host))) == covers)
    }

    @Test("whatever policy there is, it reads what it writes, and a changed octet traps nothing")
    func random() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let hosts = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                (Bool.random(using: &random) ? "*." : "")
                    + (0..<Int.random(in: 1...4, using: &random)).map { _ in ["a", "mx1", "x-y", "xn--bcher-kva", "ü"].randomElement(using: &random) ?? "a" }
                    .joined(separator: ".")
            }
            let mode = StrictTransportPolicy.Mode.allCases.randomElement(using: &random) ?? .enforce
            let text = (["version: STSv1", "mode: \(mode.rawValue)"] + hosts.map { "mx: \($0)" } + ["max_age: \(Int.random(in: 0...31_557_600))"])
                .shuffled(using: &random).joined(separator: "\r\n")
            let policy = try #require(self.policy(text))
            #expect(self.policy(policy.lines.joined(separator: "\n")) == policy)
            #expect(policy.exchangers.count == hosts.count)
            var octets = Array(text.utf8)
            octets[Int.random(in: octets.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            if let other = StrictTransportPolicy(octets) { #expect(self.policy(other.lines.joined(separator: "\n")) == other) }
        }
    }
}
