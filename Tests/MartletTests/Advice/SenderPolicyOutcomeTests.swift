import Conversation
import MailModel
import Testing

@testable import martlet

/// Names that a test makes up; what is not in it does not exist.
private struct NameTable: Resolver {
    var texts: [String: [String]] = [:]
    var addresses: [String: [String]] = [:]
    var exchangers: [String: [String]] = [:]
    var silent: Set<String> = []

    func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
        if silent.contains(name.value) { throw ResolverFault.timedOut }
        let octets: [[UInt8]] =
            switch type {
            case .txt: (texts[name.value] ?? []).map { [UInt8($0.utf8.count)] + Array($0.utf8) }
            case .a: (addresses[name.value] ?? []).map(address).filter(\.isIPv4).map(\.octets)
            case .aaaa: (addresses[name.value] ?? []).map(address).filter { !$0.isIPv4 }.map(\.octets)
            case .mx: (exchangers[name.value] ?? []).map { [0, 10] + labels($0) }
            default: []
            }
        return octets.isEmpty ? DNSAnswer(denial: .noSuchName, isSecure: false, ttl: 0) : DNSAnswer(records: octets, isSecure: false, ttl: 0)
    }

    private func labels(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
}

@Suite("Whether our own mail passes by our SPF record: RFC 7208")
struct SenderPolicyOutcomeTests {
    private func outcome(_ policy: String, _ text: String = "11.0.0.1", _ table: NameTable = NameTable()) async -> SenderPolicyOutcome {
        var table = table
        table.texts["example.org"] = [policy]
        return await SenderPolicyOutcome(of: named("example.org"), helo: named("mail.example.org"), for: address(text), table)
    }

    @Test(
        "addresses and networks: §5.6",
        arguments: [
            ("v=spf1 ip4:11.0.0.1 -all", "11.0.0.1", true), ("v=spf1 ip4:11.0.0.0/24 -all", "11.0.0.9", true),
            ("v=spf1 ip4:11.0.0.0/31 -all", "11.0.0.2", false),
            ("v=spf1 ip6:2a00:1::/32 ~all", "2a00:1::5", true), ("v=spf1 ip4:11.0.0.1", "11.0.0.2", false), ("v=spf1 -ip4:11.0.0.1 +all", "11.0.0.1", false),
            ("v=spf1  IP4:11.0.0.1   -ALL", "11.0.0.1", true), ("v=spf1", "11.0.0.1", false), ("v=spf1 ?all", "11.0.0.1", false),
            ("v=spf1 exp=why.example.org ip4:11.0.0.1 -all", "11.0.0.1", true),
        ])
    func networks(_ policy: String, _ text: String, _ passes: Bool) async {
        #expect(await outcome(policy, text) == (passes ? .passes(isEverybody: false) : .excluded))
    }

    @Test("everybody may")
    func everybody() async { #expect(await outcome("v=spf1 all") == .passes(isEverybody: true)) }

    @Test("hosts, exchangers, includes and redirects: §5.2 to §5.4, §6.1")
    func names() async {
        let table = NameTable(
            texts: [
                "_spf.provider.example": ["x", "v=spf1 ip4:11.0.0.1 -all"], "two.example": ["v=spf1 a", "v=spf1 mx"],
                "loop.example": ["v=spf1 include:loop.example"],
            ],
            addresses: ["example.org": ["11.0.0.1"], "mail.example.org": ["11.0.0.1", "2a00:1::5"]], exchangers: ["example.org": ["mail.example.org"]])
        #expect(await outcome("v=spf1 a -all", "11.0.0.1", table) == .passes(isEverybody: false))
        #expect(await outcome("v=spf1 a/24 -all", "11.0.0.200", table) == .passes(isEverybody: false))
        #expect(await outcome("v=spf1 a:mail.example.org/24//64 -all", "2a00:1::99", table) == .passes(isEverybody: false))
        #expect(await outcome("v=spf1 a:mail.example.org//127 -all", "2a00:1::99", table) == .excluded)
        #expect(await outcome("v=spf1 mx -all", "2a00:1::5", table) == .passes(isEverybody: false))
        #expect(await outcome("v=spf1 include:_spf.provider.example -all", "11.0.0.1", table) == .passes(isEverybody: false))
        #expect(await outcome("v=spf1 include:_spf.provider.example -all", "11.0.0.2", table) == .excluded)
        #expect(await outcome("v=spf1 redirect=_spf.provider.example", "11.0.0.1", table) == .passes(isEverybody: false))
        #expect(await outcome("v=spf1 redirect=_spf.provider.example ~all", "11.0.0.1", table) == .excluded)
        for policy in ["v=spf1 include:two.example", "v=spf1 include:gone.example", "v=spf1 include:loop.example -all"] {
            if case .broken = await outcome(policy, "11.0.0.1", table) {} else { Issue.record("\(policy)") }
        }
    }

    @Test(
        "what others cannot follow: §4.6.4, §5",
        arguments: ["v=spf1 ip4 -all", "v=spf1 ip4:11.0.0 -all", "v=spf1 allow -all", "v=spf1 a/33", "v=spf1 a//x", "v=spf1 include -all", "v=spf1 redirect=-"])
    func broken(_ policy: String) async {
        if case .broken = await outcome(policy) {} else { Issue.record("\(await outcome(policy))") }
    }

    @Test("more than ten names are too many")
    func tooMany() async {
        let policy = "v=spf1 " + (1...11).map { "a:h\($0).example" }.joined(separator: " ") + " ip4:11.0.0.1 -all"
        if case .broken = await outcome(policy) {} else { Issue.record("\(await outcome(policy))") }
    }

    @Test("macros of the address and of our name are followed: §7")
    func macros() async {
        let table = NameTable(
            texts: ["example.org.example": ["v=spf1 ip4:11.0.0.1"]],
            addresses: ["11.0.0.1._spf.example.org": ["127.0.0.2"], "mail.example.org": ["11.0.0.1"]])
        #expect(await outcome("v=spf1 exists:%{i}._spf.example.org -all", "11.0.0.1", table) == .passes(isEverybody: false))
        #expect(await outcome("v=spf1 exists:%{i}._spf.example.org -all", "11.0.0.2", table) == .excluded)
        #expect(await outcome("v=spf1 include:%{d}.example -all", "11.0.0.1", table) == .passes(isEverybody: false))
        #expect(await outcome("v=spf1 a:%{h} -all", "11.0.0.1", table) == .passes(isEverybody: false))
        #expect(await outcome("v=spf1 ptr ip4:11.0.0.1 -all") == .passes(isEverybody: false))
    }

    @Test("what hangs on who writes is not known; what passes anyhow does")
    func unknown() async {
        let table = NameTable(addresses: ["postmaster._spf.example.org": ["127.0.0.2"]])
        for text in ["v=spf1 exists:%{l}._spf.example.org -all", "v=spf1 exists:%{S}.example -all"] {
            if case .unknown = await outcome(text, "11.0.0.1", table) {} else { Issue.record("\(text)") }
        }
        #expect(await outcome("v=spf1 exists:%{l}.example.org ip4:11.0.0.1 -all") == .passes(isEverybody: false))
        #expect(await outcome("v=spf1 ip4:11.0.0.1 exists:%{l}._spf.example.org -all", "11.0.0.1", table) == .passes(isEverybody: false))
    }

    @Test("nobody knows is no answer")
    func silent() async {
        let table = NameTable(silent: ["provider.example"])
        #expect(await outcome("v=spf1 include:provider.example -all", "11.0.0.1", table) == .unanswered(.timedOut))
        #expect(await outcome("v=spf1 a:provider.example -all", "11.0.0.1", table) == .unanswered(.timedOut))
    }
}
