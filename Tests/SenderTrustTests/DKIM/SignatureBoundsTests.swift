import Conversation
import Foundation
import MailModel
import NIOCore
import Rehearsal
import Testing

@testable import SenderTrust

/// What a hostile sender may try: work stays bounded, the verdict is the RFC's.
@Suite struct SignatureBoundsTests {
    private let signer: PlainSigner
    private let now = Timestamp(rawValue: 2000)

    init() throws { signer = PlainSigner(try DKIMKey.generate(.ed25519SHA256)) }

    @Test("of a thousand signatures ten are looked at, from the top: RFC 6376 §6.1")
    func thousand() async throws {
        let names = NameTable()
        var fields = ""
        for number in 0..<1000 {
            var signer = signer
            signer.tags = signer.tags.replacing("s=test", with: "s=s\(number)").replacing("t=1000", with: "l=\(number)")
            fields += try signer.signature() + "\r\n"
            try names.setTexts("s\(number)._domainkey.example.org", [signer.key.record])
        }
        var limits = SignatureObserver.Limits()
        limits.header = 1 << 20
        let verdicts = await SignatureObserver.over([Array((fields + signer.text).utf8)], limits: limits).dkim(resolver: names, now: now)
        #expect(verdicts.count == 11 && names.asked.count <= 10)
        #expect(verdicts.prefix(10).map(\.selector) == (0..<10).map { "s\($0)" })
        #expect(verdicts.last == DKIMVerdict(.neutral, reason: "990 more signatures were not looked at"))
    }

    @Test(
        "a line of the header that is no field, which others show as text, leaves no signature in force",
        arguments: ["Dear customer, go elsewhere.\r\n", "--boundary\r\n", String(repeating: "x", count: 999) + ": y\r\n"])
    func textBeforeText(_ line: String) async throws {
        let names = try signer.resolver()
        let whole = try signer.signature() + "\r\n" + signer.text
        #expect(await SignatureObserver.over(whole).dkim(resolver: names, now: now).map(\.result) == [.pass])
        let end = try #require(whole.range(of: "\r\n\r\n"))
        let message = String(whole[..<end.lowerBound]) + "\r\n" + line + String(whole[end.lowerBound...].dropFirst(1))
        let observer = SignatureObserver.over(message)
        #expect(await observer.dkim(resolver: names, now: now).map(\.result) == [.permerror])
        #expect(await observer.arc(resolver: names, now: now).result == .none)
        // Without a signature there is nothing to say.
        #expect(await SignatureObserver.over("From: a@b.example\r\n\(line)\r\nx\r\n").dkim(resolver: names, now: now).isEmpty)
    }

    @Test("a header of very many fields is not put in order, and not judged")
    func manyFields() async throws {
        let names = try signer.resolver()
        let message = try String(repeating: "a:\r\n", count: 2_000) + signer.signature() + "\r\n" + signer.text
        #expect(await SignatureObserver.over(message).dkim(resolver: names, now: now).map(\.result) == [.permerror])
        #expect(names.asked.isEmpty)
    }

    @Test("the same key is asked for once")
    func sameKey() async throws {
        let names = try signer.resolver()
        let message = try (0..<10).map { _ in try signer.signature() + "\r\n" }.joined() + signer.text
        let verdicts = await SignatureObserver.over(message).dkim(resolver: names, now: now)
        #expect(verdicts.map(\.result) == Array(repeating: .pass, count: 10) && names.asked.count == 1)
    }

    @Test("a header of more than 256 KiB is not judged, and nothing of it is held")
    func header() async throws {
        var observer = SignatureObserver()
        observer.take(ByteBuffer(string: try signer.signature() + "\r\n"))
        let piece = ByteBuffer(string: "X: " + String(repeating: "a", count: 65_000) + "\r\n")
        for _ in 0..<160 {
            observer.take(piece)
            #expect(observer.header.readableBytes <= SignatureObserver.Limits.standard.header)
        }
        observer.take(ByteBuffer(string: signer.text))
        observer.finish()
        let names = try signer.resolver()
        let verdicts = await observer.dkim(resolver: names, now: now)
        #expect(verdicts == [DKIMVerdict(.permerror, reason: "the header is too long")])
        #expect(observer.header.readableBytes == 0 && names.asked.isEmpty)
    }

    @Test("h= of 10,000 names, most of them of nothing")
    func names() async throws {
        var signer = signer
        signer.names = ["from"] + (0..<10_000).map { $0.isMultiple(of: 2) ? "to" : "x-\($0)" }
        let verdicts = await SignatureObserver.over(try signer.message()).dkim(resolver: try signer.resolver(), now: now)
        #expect(verdicts.map(\.result) == [.pass])
    }

    @Test("tags that are folded a thousand times, and a thousand tags")
    func folded() async throws {
        var signer = signer
        signer.tags += " z=" + String(repeating: "a\r\n ", count: 20_000) + ";" + (0..<5_000).map { " t\($0)=x;" }.joined()
        let verdicts = await SignatureObserver.over(try signer.message()).dkim(resolver: try signer.resolver(), now: now)
        #expect(verdicts.map(\.result) == [.pass])
    }

    @Test("every l= of ten signatures is hashed in the same pass")
    func lengths() async throws {
        var fields = ""
        for length in [0, 3, 5, 8, 13, 13, 21, 26, 999, 4] {
            var signer = signer
            signer.length = length
            fields += try signer.signature() + "\r\n"
        }
        let octets = Array((fields + signer.text).utf8)
        SignatureObserver.expectSame(octets, cuts: (octets.count - signer.body.utf8.count)...octets.count)
        let verdicts = await SignatureObserver.over([octets]).dkim(resolver: try signer.resolver(), now: now)
        #expect(verdicts.map(\.result) == [.pass, .pass, .pass, .pass, .pass, .pass, .pass, .pass, .permerror, .pass])
    }
}
