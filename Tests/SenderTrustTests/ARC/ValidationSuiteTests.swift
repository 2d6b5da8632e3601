import MailModel
import NIOCore
import Testing

@testable import SenderTrust

@Suite(.enabled(if: !ValidationSuite.cases.isEmpty, "the ARC validation suite does not lie beside the project"))
struct ValidationSuiteTests {
    private let now = Timestamp(rawValue: 1_700_000_000)

    @Test("the suite is whole: 171 names, four of them for two messages each")
    func whole() {
        #expect(ValidationSuite.cases.count == 175 && ValidationSuite.cases.count { $0.name.hasSuffix("_again") } == 4)
        #expect(ValidationSuite.cases.count { $0.result == .none } == 5 && ValidationSuite.cases.count { $0.result == .pass } > 50)
    }

    @Test("each case has the suite's verdict: RFC 8617 §5.2", arguments: ValidationSuite.cases)
    func validates(_ example: ValidationSuite.Case) async throws {
        let verdict = await SignatureObserver.over(example.message).arc(resolver: try example.resolver(), now: now)
        #expect(verdict.result == example.result, "\(verdict.reason ?? "")")
        #expect((verdict.reason == nil) == (verdict.result == .pass || verdict.result == .none))
    }

    @Test(
        "each case's verdict is the same wherever its text is cut",
        arguments: ValidationSuite.cases.filter { $0.name.contains("_pass_") || $0.name.contains("_bh_") }.enumerated().map { ($0.offset, $0.element) })
    func splits(_ number: Int, _ example: ValidationSuite.Case) async throws {
        let octets = Array(example.message.utf8)
        // Elsewhere in each case, many of which are much alike; and about the end of the header.
        let end = example.message.utf8.count - (example.message.ranges(of: "\r\n\r\n").first.map { example.message[$0.upperBound...].utf8.count } ?? 0)
        let cuts = Set(stride(from: number % 61, through: octets.count, by: 61)).union(max(0, end - 4)...min(octets.count, end + 3)).union([octets.count])
        SignatureObserver.expectSame(octets, cuts: cuts)
        let pieces = octets.map { [$0] }
        #expect(await SignatureObserver.over(pieces).arc(resolver: try example.resolver(), now: now).result == example.result)
    }

    @Test("what we seal on top of each case says of it what the suite says: RFC 8617 §5.1", arguments: ValidationSuite.cases)
    func seals(_ example: ValidationSuite.Case) async throws {
        let resolver = try example.resolver()
        let key = try DKIMKey.generate(.ed25519SHA256)
        try resolver.setTexts("s._domainkey.sealer.example", [key.record])
        let before = await SignatureObserver.over(example.message).arc(resolver: resolver, now: now)
        var sealer = ARCSealer(
            domain: try #require(Domain("sealer.example")), selector: "s", key: key, authenticationResults: "mx.sealer.example; none", chain: before, at: now)
        sealer.take(ByteBuffer(string: example.message))
        let fields = String(decoding: try sealer.finish(), as: UTF8.self)
        let sealed = fields + example.message
        let after = await SignatureObserver.over(sealed).arc(resolver: resolver, now: now)
        switch example.result {
        case .none: #expect(after.result == .pass && after.links.map(\.instance) == [1] && fields.contains("cv=none;"))
        case .pass: #expect(after.result == .pass && after.links.count == before.links.count + 1 && fields.contains("cv=pass;"))
        default: #expect(after.result == .fail && (fields.isEmpty || fields.contains("cv=fail;")))
        }
    }
}
