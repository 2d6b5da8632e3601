import MailModel
import SenderTrust
import Testing

@Suite("A failure that a trusted forwarder explains: RFC 8617 §7.2")
struct TrustedExplanationTests {
    private let trusted: [Domain]
    private let failure: DMARCVerdict

    init() throws {
        trusted = [try #require(Domain("lists.example")), try #require(Domain("relay.example"))]
        let author = try #require(Domain("news.example.com"))
        failure = DMARCVerdict(.fail, author: author, organizationalDomain: try #require(Domain("example.com")), record: DMARCRecord(), recordDomain: author)
    }

    private func chain(_ links: [(String, String)], _ result: ARCVerdict.Result = .pass) throws -> ARCVerdict {
        ARCVerdict(
            result,
            links: try links.enumerated().map {
                ARCVerdict.Link(instance: $0.offset + 1, domain: try #require(Domain($0.element.0)), selector: "s", results: $0.element.1)
            })
    }

    private static let pass = "mx.lists.example; spf=pass smtp.mailfrom=x; dmarc=pass (p=reject) header.from=News.example.com"

    @Test("the newest link is trusted and saw it pass")
    func newest() throws {
        let found = try #require(TrustedExplanation(chain([("lists.example", Self.pass)]), failure: failure, trusted: trusted))
        #expect(found.sealer.value == "lists.example" && found.instance == 1)
        #expect(found.override.kind == .trustedForwarder)
        #expect(found.override.comment == "arc=pass as[1].d=lists.example: dmarc=pass header.from=news.example.com")
    }

    @Test(
        "what else proves the author",
        arguments: [
            ("mx; dkim=pass header.d=news.example.com", true), ("mx; dkim=pass header.d=example.com", true), ("mx; dkim=pass header.d=a.example.com", true),
            ("mx; dkim=pass header.d=example.net", false), ("mx; dkim=pass header.d=badexample.com", false), ("mx; dkim=fail header.d=example.com", false),
            ("mx; dkim=pass header.i=@example.com", false), ("mx; dmarc=pass header.from=example.com", false), ("mx; dmarc=pass", false),
            ("mx; dmarc=fail header.from=news.example.com", false), ("mx; spf=pass smtp.mailfrom=news.example.com", false), ("mx; none", false), ("", false),
            ("mx; dmarc=pass action=none header.from=news.example.com", true), ("mx; dmarc=none (dmarc=pass header.from=news.example.com)", false),
            ("mx; spf=fail reason=\"; dmarc=pass header.from=news.example.com\"", false), ("mx 1; DMARC=PASS Header.From=NEWS.example.com", true),
        ])
    func evidence(_ results: String, _ isExplained: Bool) throws {
        #expect(try (TrustedExplanation(chain([("lists.example", results)]), failure: failure, trusted: trusted) != nil) == isExplained)
    }

    @Test("strict alignment needs the author's own name")
    func strict() throws {
        var record = DMARCRecord()
        record.dkimAlignment = .strict
        let failure = DMARCVerdict(.fail, author: failure.author, organizationalDomain: failure.organizationalDomain, record: record)
        #expect(try TrustedExplanation(chain([("lists.example", "mx; dkim=pass header.d=example.com")]), failure: failure, trusted: trusted) == nil)
        #expect(try TrustedExplanation(chain([("lists.example", "mx; dkim=pass header.d=news.example.com")]), failure: failure, trusted: trusted) != nil)
    }

    @Test("whoever came after has to be trusted too: who is not could have changed all of it")
    func order() throws {
        #expect(try TrustedExplanation(chain([("lists.example", Self.pass), ("evil.example", Self.pass)]), failure: failure, trusted: trusted) == nil)
        #expect(try TrustedExplanation(chain([("evil.example", Self.pass), ("lists.example", "mx; dmarc=fail")]), failure: failure, trusted: trusted) == nil)
        let both = try #require(
            TrustedExplanation(chain([("lists.example", Self.pass), ("relay.example", "mx; dmarc=fail")]), failure: failure, trusted: trusted))
        #expect(both.instance == 1 && both.sealer.value == "lists.example")
        let stranger = try #require(
            TrustedExplanation(chain([("evil.example", "mx; none"), ("relay.example", Self.pass)]), failure: failure, trusted: trusted))
        #expect(stranger.instance == 2)
    }

    @Test("a chain that does not hold explains nothing", arguments: [ARCVerdict.Result.none, .fail, .temperror])
    func broken(_ result: ARCVerdict.Result) throws {
        #expect(try TrustedExplanation(chain([("lists.example", Self.pass)], result), failure: failure, trusted: trusted) == nil)
    }

    @Test("nobody is trusted by default, and subdomains are not their parents")
    func nobody() throws {
        #expect(try TrustedExplanation(chain([("lists.example", Self.pass)]), failure: failure, trusted: []) == nil)
        #expect(try TrustedExplanation(chain([("a.lists.example", Self.pass)]), failure: failure, trusted: trusted) == nil)
        #expect(try TrustedExplanation(chain([]), failure: failure, trusted: trusted) == nil)
    }
}
