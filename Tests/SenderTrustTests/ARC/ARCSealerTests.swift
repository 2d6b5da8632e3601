import Conversation
import Crypto
import Foundation
import FuzzEntries
import MailModel
import NIOCore
import Rehearsal
import Testing

@testable import SenderTrust

@Suite struct ARCSealerTests {
    private let now = Timestamp(rawValue: 1_700_000_000)
    private let names = NameTable()
    private let keys: [DKIMKey]
    private let text: String

    init() throws {
        keys = [try DKIMKey.generate(.rsaSHA256), try DKIMKey.generate(.ed25519SHA256)]
        for (index, key) in keys.enumerated() { try names.setTexts("s._domainkey.hop\(index).example", [key.record]) }
        text = try PlainSigner(try DKIMKey.generate(.ed25519SHA256)).message()
    }

    private func arc(_ text: String) async -> ARCVerdict { await SignatureObserver.over(text).arc(resolver: names, now: now) }

    private func fields(
        _ text: String, by hop: Int, verdict: ARCVerdict? = nil, results: String = "mx.example; spf=pass", pieces: Int = 4096
    ) async throws -> String {
        var chain = verdict
        if chain == nil { chain = await arc(text) }
        var sealer = ARCSealer(
            domain: try #require(Domain("hop\(hop).example")), selector: "s", key: keys[hop], authenticationResults: results, chain: try #require(chain),
            at: now)
        let octets = Array(text.utf8)
        for start in stride(from: 0, to: octets.count, by: pieces) { sealer.take(ByteBuffer(bytes: octets[start..<min(octets.count, start + pieces)])) }
        return String(decoding: try sealer.finish(), as: UTF8.self)
    }

    @Test("a chain grows; a body that changes between breaks the older message signatures, not the chain: RFC 8617 §5.1, §5.2")
    func grows() async throws {
        #expect(await arc(text).result == .none)
        var message = try await fields(text, by: 0) + text
        #expect(await arc(message) == ARCVerdict(.pass, links: await arc(message).links, oldestPass: 0))
        message = try await fields(message, by: 1) + message
        var verdict = await arc(message)
        #expect(verdict.result == .pass && verdict.oldestPass == 0 && verdict.links.map(\.domain.value) == ["hop0.example", "hop1.example"])
        #expect(verdict.links.map(\.results) == ["mx.example; spf=pass", "mx.example; spf=pass"] && verdict.links.map(\.selector) == ["s", "s"])
        message += "A list's footer\r\n"
        #expect(await arc(message).result == .fail)
        // The list seals what it has made of it.
        verdict = ARCVerdict(.pass)
        message = try await fields(message, by: 0, verdict: verdict) + message
        verdict = await arc(message)
        #expect(verdict.result == .pass && verdict.oldestPass == 3 && verdict.links.map(\.instance) == [1, 2, 3])
    }

    @Test("a chain that does not hold is sealed once with cv=fail, over that set alone, and never again: RFC 8617 §5.1.2, §5.1.3")
    func fails() async throws {
        let message = try await fields(text, by: 0) + text + "x\r\n"
        let verdict = await arc(message)
        #expect(verdict.result == .fail && verdict.links.count == 1)
        let set = try await fields(message, by: 1)
        #expect(set.contains("cv=fail;") && set.contains("i=2;"))
        let after = await arc(set + message)
        #expect(after.result == .fail && after.reason == "seal 2 says cv=fail")
        #expect(try await fields(set + message, by: 0).isEmpty)

        // As if it were the only set.
        let unfolded = set.replacing("\r\n\t", with: " ").components(separatedBy: "\r\n").dropLast()
        #expect(unfolded.map { $0.prefix { $0 != ":" } } == ["ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"])
        let b = try #require(unfolded[0].range(of: "; b="))
        var canonical: [UInt8] = []
        for field in [unfolded[2], unfolded[1]] { canonical += PlainCanonical.field(Array(field.utf8)) + [0x0D, 0x0A] }
        canonical += PlainCanonical.field(Array(unfolded[0][..<b.upperBound].utf8))
        let signature = try #require(Data(base64Encoded: unfolded[0][b.upperBound...].filter { $0 != " " }))
        let key = try DKIMPublicKey(keys[1].publicOctets, .ed25519SHA256)
        #expect(key.verifies(Array(signature), of: SHA256.hash(data: canonical)))
    }

    @Test("what a seal covers cannot be changed, taken away or made older", arguments: 1...3)
    func tampered(_ count: Int) async throws {
        var message = text
        for hop in 0..<count { message = try await fields(message, by: hop % 2) + message }
        #expect(await arc(message).result == .pass)
        for (old, new) in [("spf=pass", "spf=fail"), ("cv=none", "cv=pass"), ("t=1700000000", "t=1700000001"), ("From: Joe", "From: Jim"), ("i=1;", "i=4;")] {
            #expect(await arc(message.replacing(old, with: new, maxReplacements: 1)).result == .fail, "\(old)")
        }
        for name in ["ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"] {
            let without = message.replacing(name + ": i=1", with: "X-" + name + ": i=1")
            #expect(await arc(without).result == .fail)
            let twice = try #require(message.range(of: name + ": i=1"))
            let end = try #require(message.range(of: "\r\n\(name == "ARC-Authentication-Results" ? "" : "ARC-")", range: twice.upperBound..<message.endIndex))
            #expect(await arc(String(message[twice.lowerBound..<end.lowerBound]) + "\r\n" + message).result == .fail)
        }
        // The newest set alone may go: nothing says that it was there.
        if count > 1 {
            let sets = message.components(separatedBy: "ARC-Seal:")
            #expect(await arc("ARC-Seal:" + sets.dropFirst(2).joined(separator: "ARC-Seal:")).result == .pass)
        }
    }

    @Test("fifty sets are a chain, and it gets no more: RFC 8617 §4.2.1")
    func fifty() async throws {
        var message = text
        for _ in 0..<50 { message = try await fields(message, by: 1, verdict: message == text ? ARCVerdict(.none) : ARCVerdict(.pass)) + message }
        let verdict = await arc(message)
        #expect(verdict.result == .pass && verdict.links.count == 50)
        #expect(try await fields(message, by: 0).isEmpty)
        let more = message.replacing("i=50;", with: "i=51;")
        #expect(await arc(more).result == .fail && names.asked.count < 200)
        #expect(await arc(try await fields(text, by: 0) + message).result == .fail)
    }

    @Test("DNS that does not answer says nothing of a chain, and it gets no set")
    func unknown() async throws {
        let message = try await fields(text, by: 0) + text
        try names.setFault(.txt, of: "s._domainkey.hop0.example", .timedOut)
        let verdict = await arc(message)
        #expect(verdict.result == .temperror && verdict.links.count == 1)
        #expect(try await fields(message, by: 1).isEmpty)
    }

    @Test("results are written in lines of their own making, and nothing in them ends a field")
    func results() async throws {
        let fields = try await fields(text, by: 1, results: "mx.example;\r\n dkim=pass\n\tFrom: evil\u{0}x\r\nBcc: me")
        for line in fields.components(separatedBy: "\r\n").dropLast() { #expect(line.hasPrefix("\t") || line.hasPrefix("ARC-")) }
        let verdict = await arc(fields + text)
        #expect(verdict.result == .pass && verdict.links[0].results == "mx.example; dkim=pass From: evil x Bcc: me")
    }

    @Test("a set covers the signatures that are there, no trace, no verdicts, no ARC; and is the same however the text is cut: RFC 8617 §4.1.2")
    func covers() async throws {
        let whole = try await fields(text, by: 0)
        for pieces in [1, 3, 100] { #expect(try await fields(text, by: 0, pieces: pieces) == whole) }
        let h = whole.filter { !$0.isWhitespace }.split(separator: ";").first { $0.hasPrefix("h=") }
        let list = try #require(h).dropFirst(2).split(separator: ":")
        #expect(list.count { $0 == "from" } == 2 && list.count { $0 == "dkim-signature" } == 1)
        #expect(!list.contains { $0.hasPrefix("arc-") || $0 == "received" || $0 == "authentication-results" })
    }

    /// One set over `PlainSigner`'s message, made by hand.
    private func set(_ change: (inout PlainSigner) -> Void) throws -> String {
        var signer = PlainSigner(keys[1])
        signer.tags = "i=1; a=ed25519-sha256; d=hop1.example; s=s; t=1000;"
        change(&signer)
        let results = "ARC-Authentication-Results: i=1; hop1.example; dmarc=pass header.from=example.org"
        let message = try signer.signature(name: "ARC-Message-Signature")
        let seal = "ARC-Seal: i=1; cv=none; a=ed25519-sha256; d=hop1.example; s=s; t=1000; b="
        var canonical: [UInt8] = []
        for field in [results, message] { canonical += PlainCanonical.field(Array(field.utf8)) + [0x0D, 0x0A] }
        canonical += PlainCanonical.field(Array(seal.utf8))
        let signature = Data(try keys[1].signature(for: SHA256.hash(data: canonical))).base64EncodedString()
        return "\(seal)\(signature)\r\n\(message)\r\n\(results)\r\n\(signer.text)"
    }

    @Test("a set whose message signature covers no From, or not the whole text, proves nothing: RFC 8617 §4.1.2, RFC 6376 §5.4, §6.1.1, §8.2")
    func weak() async throws {
        let whole = await arc(try set { _ in })
        #expect(whole.result == .pass && !whole.isWeak)
        // The suite of RFC 8617 has one without any field, which passes.
        let weak = await arc(try set { $0.names = ["to", "subject"] })
        #expect(weak.result == .pass && weak.isWeak)
        let (author, hop) = (try #require(Domain("example.org")), try #require(Domain("hop1.example")))
        let failure = DMARCVerdict(.fail, author: author, organizationalDomain: author, policy: .reject)
        #expect(TrustedExplanation(whole, failure: failure, trusted: [hop]) != nil)
        #expect(TrustedExplanation(weak, failure: failure, trusted: [hop]) == nil)
        #expect(await arc(try set { $0.length = 5 }).result == .fail)
        #expect(await arc(try set { $0.length = 0 }).result == .fail)
        // All that there is.
        #expect(await arc(try set { $0.length = PlainCanonical.body(Array($0.body.utf8), isRelaxed: true).count }).result == .pass)
    }

    @Test("a key that is a test seals nothing: RFC 6376 §3.6.1", arguments: [true, false])
    func testKey(_ isOfTheLast: Bool) async throws {
        var message = try await fields(text, by: 0) + text
        message = try await fields(message, by: 1) + message
        #expect(await arc(message).result == .pass)
        let hop = isOfTheLast ? 1 : 0
        try names.setTexts("s._domainkey.hop\(hop).example", [keys[hop].record + "; t=y"])
        #expect(await arc(message).result == .fail)
    }
}
