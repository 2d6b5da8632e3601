import Conversation
import MailModel
import NIOCore
import Rehearsal
import Testing

@testable import SenderTrust

@Suite struct SignatureObserverTests {
    private let signer: PlainSigner
    private let now = Timestamp(rawValue: 2000)

    init() throws { signer = PlainSigner(try DKIMKey.generate(.ed25519SHA256)) }

    private func verdicts(_ text: String, _ resolver: NameTable? = nil) async throws -> [DKIMVerdict] {
        let resolver = try resolver ?? signer.resolver()
        return await SignatureObserver.over(text).dkim(resolver: resolver, now: now)
    }

    private func verdict(_ change: (inout PlainSigner) -> Void, record further: String = "") async throws -> DKIMVerdict {
        var signer = signer
        change(&signer)
        return try #require(try await verdicts(signer.message(), signer.resolver(further)).first)
    }

    @Test("each pair of canonicalizations: RFC 6376 §3.4", arguments: Canonicalization.allCases, Canonicalization.allCases)
    func forms(_ headerForm: Canonicalization, _ bodyForm: Canonicalization) async throws {
        var signer = signer
        signer.headerForm = headerForm
        signer.bodyForm = bodyForm
        let octets = Array(try signer.message().utf8)
        SignatureObserver.expectSame(octets, cuts: 0...octets.count)
        let resolver = try signer.resolver()
        for pieces in [[octets], octets.map { [$0] }] {
            #expect(await SignatureObserver.over(pieces).dkim(resolver: resolver, now: now).map(\.result) == [.pass])
        }
        // Blanks that one form forgives and the other does not.
        let header = try await verdicts(signer.message().replacing("Joe <", with: "Joe  <"))
        #expect(header[0].result == (headerForm == .relaxed ? .pass : .fail))
        let body = try await verdicts(signer.message().replacing("Hi. \t", with: "Hi."))
        #expect(body[0].result == (bodyForm == .relaxed ? .pass : .fail))
    }

    @Test("a message without a signature has no verdict, and costs no question")
    func unsigned() async throws {
        for text in [signer.text, "", "\r\n", "body\r\n", "From: a@b.example"] {
            let names = NameTable()
            #expect(try await verdicts(text, names).isEmpty && names.asked.isEmpty)
        }
    }

    @Test("a field that is signed as often as it is there, and once more, cannot be added to: RFC 6376 §5.4.2, §8.15")
    func oversigned() async throws {
        var twice = signer
        twice.names = ["from", "from", "to", "subject", "cc"]
        let message = try twice.message()
        #expect(try await verdicts(message)[0].result == .pass)
        let evil = "From: Evil <evil@example.com>\r\n"
        #expect(try await verdicts(evil + message)[0].result == .fail)
        #expect(try await verdicts(message.replacing("\r\nFrom:", with: "\r\nFrom: Evil <evil@example.com>\r\nFrom:"))[0].result == .fail)
        #expect(try await verdicts("Cc: evil@example.com\r\n" + message)[0].result == .fail)
        #expect(try await verdicts("Received: from x\r\n" + message)[0].result == .pass)
        // Named once, the lowest is meant.
        #expect(try await verdicts(evil + signer.message())[0].result == .pass)
    }

    @Test("l= leaves what follows unsigned, and the verdict says so; more than there is is an error: RFC 6376 §3.5, §8.2")
    func partial() async throws {
        for form in Canonicalization.allCases {
            let whole = form == .relaxed ? 26 : 29
            for length in [0, 4, whole] {
                let verdict = try await verdict {
                    $0.bodyForm = form
                    $0.length = length
                }
                #expect(verdict.result == .pass && verdict.isPartial == (length < whole) && (verdict.reason != nil) == verdict.isPartial)
            }
            for length in ["31", "99999999999999999999999999"] {
                let text = try signer.message().replacing("t=1000;", with: "t=1000; l=\(length);")
                #expect(try await verdicts(text)[0].result == .permerror)
            }
        }
        var short = signer
        short.body = "abcdef"
        short.length = 4
        #expect(try await verdicts(short.message())[0].isPartial)
        #expect(try await verdicts(short.message() + "ghi\r\n")[0].result == .pass)
        #expect(try await verdicts(short.message().replacing("abcdef", with: "abcXef"))[0].result == .fail)
    }

    @Test("x= that has passed and t= that has not come fail, by the time when the message came: RFC 6376 §3.5")
    func times() async throws {
        for (tags, result) in [
            ("t=1000; x=1700;", DKIMVerdict.Result.pass), ("t=1000; x=1699;", .fail), ("t=1000; x=999999999999;", .pass),
            ("x=99999999999999999999999999;", .pass), ("t=88400;", .pass), ("t=88401;", .fail), ("t=99999999999999999999999999;", .fail),
            ("t=1700; x=1700;", .permerror), ("t=-1;", .permerror), ("t=;", .permerror), ("x=soon;", .permerror), ("t=1 000;", .pass),
        ] {
            let verdict = try await verdict { $0.tags = $0.tags.replacing("t=1000;", with: tags) }
            #expect(verdict.result == result, "\(tags)")
        }
    }

    @Test(
        "a field that says too little, or nonsense, is reported, not skipped: RFC 6376 §3.2, §3.5, §6.1.1",
        arguments: [
            ("v=1; ", "", DKIMVerdict.Result.permerror), ("v=1;", "v=2;", .permerror), ("a=ed25519-sha256; ", "", .permerror),
            ("a=ed25519-sha256;", "a=rsa-sha1;", .permerror), ("a=ed25519-sha256;", "a=rsa-sha512;", .neutral), ("d=example.org; ", "", .permerror),
            ("d=example.org;", "d=;", .permerror), ("d=example.org;", "d=[192.0.2.1];", .permerror),
            ("d=example.org;", "d=example.org(x);", .permerror), ("d=example.org;", "d=ex ample.org;", .permerror), ("s=test; ", "", .permerror),
            ("s=test;", "s=te/st;", .permerror), ("s=test;", "s=test; s=test;", .permerror), ("s=test;", "s=test;;", .permerror),
            ("s=test;", "s=test; i=joe@example.com;", .permerror), ("s=test;", "s=test; i=joe;", .permerror),
            ("s=test;", "s=test; i=@badexample.org;", .permerror), ("s=test;", "s=test; i=@example.org.evil.com;", .permerror),
            ("s=test;", "s=test; q=dns/other;", .neutral), ("s=test;", "s=test; q=dns/other:dns/txt;", .pass),
            ("s=test;", "s=test; i=@EXAMPLE.org;", .pass), ("s=test;", "s=test; i=a=20b@sub.example.org;", .pass), ("s=test;", "s=test; zz=1; z1_=;", .pass),
            ("s=test;", "s=test; 1=x;", .permerror), ("s=test;", "s=test; x;", .permerror), ("v=1;", "V=1;", .permerror), ("s=test;", "s = test ;", .pass),
            ("s=test;", "s=\r\n test;", .pass), ("s=test;", "s=TEST;", .pass), ("d=example.org;", "d=EXAMPLE.ORG;", .pass),
            ("s=test;", "s=test; r=\u{1};", .permerror),
        ])
    func malformed(_ old: String, _ new: String, _ result: DKIMVerdict.Result) async throws {
        let verdict = try await verdict { $0.tags = $0.tags.replacing(old, with: new) }
        #expect(verdict.result == result, "\(verdict.reason ?? "")")
        #expect(verdict.reason == nil || verdict.result != .pass)
    }

    @Test("what stands behind the tags is looked at too: h=, bh=, b=, c=")
    func malformedBehind() async throws {
        let message = try signer.message()
        for (old, new) in [
            ("h=from : to : subject;", "h=to : subject;"), ("h=from : to : subject;", "h=;"), ("h=from : to : subject;", ""), ("bh=", "bh=A"), ("bh=", "xbh="),
            (" b=", " b=="), (" b=", " y="), (" b=", " b=!"), ("c=relaxed/relaxed", "c=relaxed/relaxed/relaxed"), ("c=relaxed", "c=nofws"), ("c=relaxed", "c="),
        ] {
            let text = message.replacing(old, with: new, maxReplacements: 1)
            #expect(try await verdicts(text)[0].result == .permerror, "\(new)")
        }
        #expect(try await verdicts("DKIM-Signature:\r\n" + signer.text)[0].result == .permerror)
        #expect(try await verdicts("DKIM-Signature: ;\r\n" + signer.text)[0].result == .permerror)
        let sha1 = try await verdict { $0.tags = $0.tags.replacing("a=ed25519-sha256", with: "a=rsa-sha1") }
        #expect(sha1.algorithm == "rsa-sha1" && sha1.domain == Domain("example.org") && sha1.selector == "test")
    }

    @Test("the signature's own field is never among those that it signs; others of its name are: RFC 6376 §3.7, §5.4")
    func ownField() async throws {
        var outer = signer
        outer.fields.insert(try signer.signature(), at: 0)
        outer.names = ["from", "dkim-signature", "dkim-signature"]
        let verdicts = try await verdicts(outer.message())
        #expect(verdicts.map(\.result) == [.pass, .pass])
        #expect(
            try await self.verdicts(outer.message().replacing("s=test; t=1000;", with: "s=test; t=1001;", maxReplacements: 2)).map(\.result) == [.fail, .fail])
    }

    @Test("a name beyond ASCII is asked for as DNS has it: RFC 8616 §4")
    func international() async throws {
        let names = NameTable()
        try names.setTexts("test._domainkey.xn--bcher-kva.example", [signer.key.record])
        var signer = signer
        signer.tags = signer.tags.replacing("d=example.org", with: "d=bücher.example").replacing("t=1000;", with: "i=jürgen@bücher.example;")
        let verdict = try await verdicts(signer.message(), names)[0]
        #expect(verdict.result == .pass && verdict.domain == Domain("bücher.example") && verdict.identity == "jürgen@bücher.example")
    }
}
