import Conversation
import Logging
import MailModel
import MemoryStore
import Rehearsal
import SenderTrust
import Storage
import Testing

@testable import PostOffice

/// Keys of a house whose clock stands at 2026-11-29.
struct KeyHouse {
    let clock = TestClock()
    let store: MemoryStore
    let keys: SigningKeys
    let names = NameTable()
    let domain: Domain

    /// It costs half a second.
    static let rsa = Result { try DKIMKey.generate(.rsaSHA256) }

    init() throws {
        let clock = clock
        store = MemoryStore(clock: { clock.now })
        keys = KeyHouse.open(store, clock)
        domain = try #require(Domain("example.test"))
    }

    static func open(_ store: any KeyValueStore, _ clock: TestClock) -> SigningKeys {
        SigningKeys(store: store, clock: { clock.now }) { algorithm in
            algorithm == .rsaSHA256 ? try KeyHouse.rsa.get() : try DKIMKey.generate(algorithm)
        }
    }

    func states() async throws -> [String] { try await keys.keys(of: domain).map { "\($0.selector) \($0.state.rawValue)" } }

    func publish(_ key: SigningKey, _ text: String? = nil) throws {
        let text = Array((text ?? key.record).utf8)
        let strings = stride(from: 0, to: text.count, by: 255).flatMap { start in
            let piece = text[start..<min(start + 255, text.count)]
            return [UInt8(piece.count)] + piece
        }
        try names.set(.txt, of: key.recordName(in: domain), [strings])
    }

    func advance() async throws -> [KeyRotation.Sight] {
        try await KeyRotation(keys, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }).advance(domain, names)
    }
}

@Suite("Keys that domains sign with: RFC 6376 §3.1, §3.6")
struct SigningKeysTests {
    @Test("a domain's first keys are of both kinds, and are made once; they do not sign yet")
    func first() async throws {
        let house = try KeyHouse()
        #expect(try await house.keys.generateFirst(for: house.domain))
        #expect(try await !house.keys.generateFirst(for: house.domain))
        let keys = try await house.keys.keys(of: house.domain)
        #expect(Set(keys.map(\.algorithm)) == [.rsaSHA256, .ed25519SHA256])
        let date = house.clock.now.civil
        let day = date.year * 10_000 + date.month * 100 + date.day
        #expect(Set(keys.map(\.selector)) == ["m\(day)r", "m\(day)e"])
        #expect(keys.allSatisfy { $0.state == .pending && $0.recordNeededUntil == nil })
        #expect(try await house.keys.signing(for: house.domain).isEmpty)
    }

    @Test("they are there after a restart, the same ones, sealed by the store")
    func kept() async throws {
        let house = try KeyHouse()
        _ = try await house.keys.generateFirst(for: house.domain)
        for key in try await house.keys.keys(of: house.domain) { try await house.keys.activate(key.selector, of: house.domain) }
        let before = try await house.keys.signing(for: house.domain)
        let after = try await KeyHouse.open(house.store, house.clock).signing(for: house.domain)
        #expect(before.map(\.selector) == after.map(\.selector) && before.map(\.key.record) == after.map(\.key.record) && before.count == 2)
        #expect(before.first?.key.algorithm == .rsaSHA256)
        #expect(try await KeyHouse.open(house.store, house.clock).domains() == [house.domain])
    }

    @Test("a selector is unique in its domain, in small letters, and nothing else than a name of DNS")
    func selectors() async throws {
        let house = try KeyHouse()
        let made = [
            try await house.keys.generate([.ed25519SHA256], for: house.domain), try await house.keys.generate([.ed25519SHA256], for: house.domain),
            try await house.keys.generate([.ed25519SHA256], for: house.domain),
        ].flatMap { $0.map(\.selector) }
        #expect(Set(made).count == 3 && made.allSatisfy { SigningKey.selector($0) == $0 })
        await #expect(throws: SigningFault.self) { try await house.keys.generate([.ed25519SHA256], selector: made[0], for: house.domain) }
        #expect(SigningKey.selector("S1024-a.News") == "s1024-a.news")
        for text in ["", "a b", "-a", "a_b", "a..b", "a.", "\u{fc}", "a;b", "[1]", String(repeating: "a", count: 64)] {
            #expect(SigningKey.selector(text) == nil, "\(text)")
        }
    }

    @Test("of each kind one key signs; the one before retires, and comes back where it is wanted")
    func activation() async throws {
        let house = try KeyHouse()
        let one = try await house.keys.generate([.ed25519SHA256], selector: "one", for: house.domain)
        #expect(one.count == 1)
        _ = try await house.keys.generate([.ed25519SHA256], selector: "two", for: house.domain)
        _ = try await house.keys.generate([.rsaSHA256], selector: "r", for: house.domain)
        for selector in ["one", "r", "TWO"] { try await house.keys.activate(selector, of: house.domain) }
        #expect(try await house.states() == ["one retiring", "two active", "r active"])
        #expect(try await house.keys.signing(for: house.domain).map(\.selector) == ["r", "two"])
        try await house.keys.activate("one", of: house.domain)
        #expect(try await house.states() == ["one active", "two retiring", "r active"])
        await #expect(throws: SigningFault.noSuchKey("three")) { try await house.keys.activate("three", of: house.domain) }
    }

    @Test("rotation has no gap: old until the new record is seen, new from then on, and the old record stays for a week")
    func rotation() async throws {
        let house = try KeyHouse()
        _ = try await house.keys.generate([.ed25519SHA256], selector: "old", for: house.domain)
        try await house.keys.activate("old", of: house.domain)
        let next = try #require(try await house.keys.generateNext(for: house.domain).first)
        #expect(try await house.keys.generateNext(for: house.domain).isEmpty, "one waits already")
        #expect(try await house.advance().map(\.publication) == [.absent])
        #expect(try await house.keys.signing(for: house.domain).map(\.selector) == ["old"])
        try house.publish(next)
        #expect(try await house.advance().map(\.publication) == [.published])
        #expect(try await house.states() == ["old retiring", "\(next.selector) active"])
        let old = try #require(try await house.keys.keys(of: house.domain).first)
        #expect(old.recordNeededUntil == Timestamp(rawValue: house.clock.now.rawValue + 7 * 86_400))
        house.clock.advance(by: 7 * 86_400 - 1)
        _ = try await house.advance()
        #expect(try await house.states() == ["old retiring", "\(next.selector) active"])
        house.clock.advance(by: 1)
        try house.publish(old)
        _ = try await house.advance()
        #expect(try await house.states() == ["old revoked", "\(next.selector) active"])
        #expect(try await house.keys.keys(of: house.domain).first?.key == nil)
        #expect(try await house.keys.keys(of: house.domain).first?.record == "v=DKIM1; k=ed25519; p=")
        #expect(try await house.advance().map(\.publication) == [.differs("it has another key")])
        try house.publish(old, "v=DKIM1; p=")
        _ = try await house.advance()
        #expect(try await house.states() == ["old revoked", "\(next.selector) active"], "its selector is not given again at once")
        house.clock.advance(by: 2 * 86_400)
        _ = try await house.advance()
        #expect(try await house.states() == ["\(next.selector) active"])
    }

    @Test("a record that is another's, or a name server that says nothing, lets no key sign and none go")
    func unseen() async throws {
        let house = try KeyHouse()
        let key = try #require(try await house.keys.generate([.ed25519SHA256], for: house.domain).first)
        try house.publish(key, DKIMKey.generate(.ed25519SHA256).record)
        _ = try await house.advance()
        #expect(try await house.states() == ["\(key.selector) pending"])
        try house.names.setFault(.txt, of: key.recordName(in: house.domain), .timedOut)
        #expect(try await house.advance().map(\.publication) == [nil])
        #expect(try await house.states() == ["\(key.selector) pending"])
    }

    @Test("a key that never signed is removed without a trace, one that did is destroyed and remembered")
    func removal() async throws {
        let house = try KeyHouse()
        for selector in ["a", "b"] { _ = try await house.keys.generate([.ed25519SHA256], selector: selector, for: house.domain) }
        try await house.keys.activate("b", of: house.domain)
        try await house.keys.remove("a", of: house.domain)
        try await house.keys.remove("b", of: house.domain)
        #expect(try await house.states() == ["b revoked"])
        await #expect(throws: SigningFault.self) { try await house.keys.activate("b", of: house.domain) }
        try await house.keys.remove("b", of: house.domain)
        #expect(try await house.states() == [])
        #expect(try house.store.value(of: "example.test", in: .signingKeys) == nil)
    }

    @Test("what cannot be read is an error, and nothing is made in its place")
    func damage() async throws {
        let house = try KeyHouse()
        try await house.store.change([KeyValueChange(.signingKeys, "example.test", Array(#"{"keys":[{"selector":"a"}]}"#.utf8))])
        await #expect(throws: StorageFault.self) { try await house.keys.signing(for: house.domain) }
        await #expect(throws: StorageFault.self) { try await house.keys.generateFirst(for: house.domain) }
        await #expect(throws: StorageFault.self) { try await house.keys.generate([.ed25519SHA256], for: house.domain) }
    }

    @Test("changes at the same time are all made")
    func together() async throws {
        let house = try KeyHouse()
        try await withThrowingTaskGroup { group in
            for number in 0..<20 {
                group.addTask { _ = try await house.keys.generate([.ed25519SHA256], selector: "s\(number)", for: house.domain) }
            }
            try await group.waitForAll()
        }
        #expect(try await house.keys.keys(of: house.domain).count == 20)
        await #expect(throws: SigningFault.self) {
            for number in 20...32 { _ = try await house.keys.generate([.ed25519SHA256], selector: "s\(number)", for: house.domain) }
        }
        #expect(try await house.keys.keys(of: house.domain).count == SigningKeys.most)
    }

    @Test("a domain with other letters than ASCII has its keys under the name that DNS has")
    func international() async throws {
        let house = try KeyHouse()
        let domain = try #require(Domain("b\u{fc}cher.example"))
        let key = try #require(try await house.keys.generate([.ed25519SHA256], for: domain).first)
        try await house.keys.activate(key.selector, of: domain)
        #expect(try await house.keys.signing(for: try #require(Domain("xn--bcher-kva.example"))).count == 1)
        #expect(try await house.keys.domains() == [try #require(Domain("xn--bcher-kva.example"))])
    }
}

@Suite("Whether a key's record is published: RFC 6376 §3.6.1, §3.6.2; TRAPS §2.12")
struct KeyPublicationTests {
    private static let own = "v=DKIM1; k=ed25519; p=QUJD"

    @Test(
        "as verifiers read it",
        arguments: [
            (["v=DKIM1; k=ed25519; p=QUJD"], KeyPublication.published), (["k=ed25519;p=QU JD"], .published), (["v=DKIM1;k=ed25519;p=QUJD;"], .published),
            (["google-site-verification=1", "k=ed25519; p=QUJD"], .published), (["k=ed25519; p=QUJD; t=s; s=email; h=sha256:sha1; n=note"], .published),
            ([], .absent), (["something else"], .absent), (["v=DKIM1; p="], .absent), (["v=DKIM2; k=ed25519; p=QUJD"], .absent),
            (["k=ed25519; p=QUJD; v=DKIM1"], .absent), (["v=DKIM1; p=QUJD"], .differs("it says k=rsa")),
            (["v=DKIM1; k=ed25519; p=QUJE"], .differs("it has another key")), (["v=DKIM1; k=ed25519; p=qujd"], .differs("it has another key")),
            (["k=ed25519; p=QUJD; h=sha1"], .differs("it says h=sha1")), (["k=ed25519; p=QUJD; s=tlsrpt"], .differs("it says s=tlsrpt")),
            (["k=ed25519; p=QUJD", "k=ed25519; p=QUJD"], .differs("there are 2 records")),
        ])
    func reading(_ texts: [String], _ publication: KeyPublication) {
        #expect(KeyPublication(texts, record: KeyPublicationTests.own) == publication)
    }
}
