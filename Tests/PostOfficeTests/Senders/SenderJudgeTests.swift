import Conversation
import Logging
import MailModel
import NIOCore
import Rehearsal
import SenderTrust
import Synchronization
import Testing

@testable import PostOffice

@Suite("What strangers' names make us ask leaves questions and time for the authors' policies")
struct SenderJudgeTests {
    private let names = NameTable()
    /// Time stands still, whatever the machine is busy with, unless a test moves it.
    private static let start = ContinuousClock.now

    init() throws { try publish("_dmarc.reject.example", "v=DMARC1; p=reject") }

    private func publish(_ name: String, _ text: String) throws { try names.set(.txt, of: name, [[UInt8(text.utf8.count)] + Array(text.utf8)]) }

    /// SPF that asks as often as it may.
    private func burden(_ domain: String) throws {
        try publish(domain, "v=spf1 " + (0..<10).map { "mx:m\($0).\(domain)" }.joined(separator: " ") + " -all")
        for term in 0..<10 {
            let hosts = (0..<10).map { "h\(term)-\($0).\(domain)" }
            try names.setExchangers(of: "m\(term).\(domain)", hosts.map { (10, $0) })
            for host in hosts { try names.setAddresses(of: host, ["192.0.2.1"]) }
        }
    }

    /// The reply's code; 250 where it is taken, 251 into Junk.
    private func code(
        _ text: String, _ doubt: SenderRules.Doubt, _ resolver: any Resolver,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { SenderJudgeTests.start }
    ) async throws -> Int {
        var rules = SenderRules(name: try #require(Domain("mx.example.test")))
        rules.doubt = doubt
        let judge = SenderJudge(
            resolver: resolver, rules: rules, clock: { Timestamp(rawValue: 1_795_867_200) }, now: now,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { _, _ in }
        var envelope = Intake.Envelope(
            id: try #require(TransactionID("t-1")), reversePath: .mailbox(try #require(Address("x@mf.evil.example"))), recipients: [], isSMTPUTF8: false,
            trace: ByteBuffer(), submission: nil)
        envelope.client = Intake.Client(address: "192.0.2.77", isSecured: false, name: "helo.evil.example")
        var signatures = SignatureObserver()
        signatures.take(ByteBuffer(string: text))
        signatures.finish()
        switch await judge.verdict(envelope, HeaderSurvey(), signatures) {
        case .judged(let judgement): return judgement.isJunk ? 251 : 250
        case .refuse(.policy(let answer)): return answer.code
        default: return 0
        }
    }

    @Test("questions without end do not hide a policy", arguments: [SenderRules.Doubt.putOff, .accepted])
    func questions(_ doubt: SenderRules.Doubt) async throws {
        try burden("mf.evil.example")
        try burden("helo.evil.example")
        let pointers = (0..<10).map { NameTable.octets(ofName: "p\($0).evil.example") }
        try names.set(.ptr, of: "77.2.0.192.in-addr.arpa", pointers)
        let signatures = (0..<10).map {
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=d\($0).evil.example; s=s; h=from; bh=\(Self.bodyHash); b=AAAA\r\n"
        }
        let others = (0..<7).map { "a@a.b.c.d.e.f.g.h\($0).evil.example" }.joined(separator: ", ")
        let text = signatures.joined() + "From: \(others), b@reject.example\r\n\r\nHello.\r\n"
        #expect(try await code(text, doubt, names) == 550)
        #expect(names.asked.count > 250 && names.asked.contains { $0.name.value.hasPrefix("_dmarc.reject.") })
    }

    @Test("DNS of the sender that takes a minute to say nothing does not hide a policy", arguments: [SenderRules.Doubt.putOff, .accepted])
    func time(_ doubt: SenderRules.Doubt) async throws {
        let slow = SlowNames(names)
        let signature = "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=d.evil.example; s=s; h=from; bh=\(Self.bodyHash); b=AAAA\r\n"
        #expect(try await code("\(signature)From: b@reject.example\r\n\r\nHello.\r\n", doubt, slow, now: { slow.now }) == 550)
    }

    @Test("an author whose DNS is broken does not hide another's policy", arguments: [SenderRules.Doubt.putOff, .accepted])
    func broken(_ doubt: SenderRules.Doubt) async throws {
        try names.setFault(.txt, of: "_dmarc.evil.example", .timedOut)
        #expect(try await code("From: a@evil.example, b@reject.example\r\n\r\nHello.\r\n", doubt, names) == 550)
    }

    @Test("the picture of one of several authors is not shown")
    func pictures() async throws {
        let domain = try #require(Domain("reject.example"))
        let verdict = DMARCVerdict(.pass, author: domain, organizationalDomain: domain, record: DMARCRecord(), policy: .reject)
        let evaluation = BIMIEvaluation(resolver: names)
        let both = AuthorJudgement(authors: .several([domain, domain]), verdicts: [verdict, verdict])
        #expect(await evaluation.evaluate(both)?.result == BIMIVerdict.Result.none && names.asked.isEmpty)
        #expect(await evaluation.evaluate(AuthorJudgement(authors: .none, verdicts: [])) == nil)
    }

    /// Of `Hello.`, as a relaxed body.
    private static let bodyHash = "yZQq1c8wjBl0fZ4Wc/oraMCAG1mZJv5v/hlvyFy+t6A="
}

/// Names below evil.example take forty seconds by its clock, and are not there.
private final class SlowNames: Resolver {
    private let names: NameTable
    private let clock = Mutex(ContinuousClock.now)

    init(_ names: NameTable) { self.names = names }

    var now: ContinuousClock.Instant { clock.withLock { $0 } }

    func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> {
        guard name.value.hasSuffix("evil.example") else { return try await names.rdata(type, of: name) }
        clock.withLock { $0 += .seconds(40) }
        throw ResolverFault.timedOut
    }
}
