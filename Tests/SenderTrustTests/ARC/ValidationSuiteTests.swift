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
        arguments: ValidationSuite.cases.filter { $0.name.contains("_pass_") || $0.name.contains("_bh_") })
    func splits(_ example: ValidationSuite.Case) async throws {
        let octets = Array(example.message.utf8)
        let resolver = try example.resolver()
        for split in stride(from: 0, through: octets.count, by: 7) {
            let verdict = await SignatureObserver.over([octets[..<split], octets[split...]]).arc(resolver: resolver, now: now)
            #expect(verdict.result == example.result, "\(split)")
        }
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
