import Crypto
import CryptoExtras
import Foundation
import FuzzEntries
import MailModel
import NIOCore
import Testing

@testable import SenderTrust

@Suite struct DKIMSignerTests {
    static let text = """
        From: Joe <joe@football.example.com>
        To: Suzie <suzie@shopping.example.net>
        Received: from a by b
        Subject: Is  dinner
        \tready?
        Date: Fri, 11 Jul 2003 21:00:37 -0700
        List-Unsubscribe: <https://example.com/u>
        Message-ID: <20030712040037.46341@football.example.com>

        Hi. \t
        We lost  the game.

        """.replacing("\n", with: "\r\n")

    private let domain: Domain
    private let keys: [(selector: String, key: DKIMKey)]

    init() throws {
        domain = try #require(Domain("football.example.com"))
        keys = [("r", try DKIMKey.generate(.rsaSHA256)), ("e", try DKIMKey.generate(.ed25519SHA256))]
    }

    private func sign(_ text: String, pieces: Int = 1, _ change: (inout DKIMSigner) -> Void = { _ in }) throws -> [String] {
        var signer = DKIMSigner(domain: domain, keys: keys, at: Timestamp(rawValue: 1_700_000_000))
        change(&signer)
        let octets = Array(text.utf8)
        for start in stride(from: 0, to: octets.count, by: pieces) { signer.take(ByteBuffer(bytes: octets[start..<min(octets.count, start + pieces)])) }
        let fields = String(decoding: try signer.finish(), as: UTF8.self)
        return fields.components(separatedBy: "DKIM-Signature:").dropFirst().map { "DKIM-Signature:" + $0 }
    }

    /// As plainly as the RFC says it; nothing of ours but the key.
    private func holds(_ field: String, of text: String, _ key: DKIMKey) throws -> Bool {
        let unfolded = field.replacing("\r\n\t", with: " ").replacing("\r\n", with: "")
        var tags: [String: String] = [:]
        for tag in unfolded.dropFirst("DKIM-Signature:".count).split(separator: ";") {
            let parts = tag.split(separator: "=", maxSplits: 1)
            tags[parts[0].trimmingCharacters(in: .whitespaces)] = parts[1].filter { $0 != " " }
        }
        let halves = text.components(separatedBy: "\r\n\r\n")
        let body = PlainCanonical.body(Array(halves.dropFirst().joined(separator: "\r\n\r\n").utf8), isRelaxed: true)
        guard tags["bh"] == Data(SHA256.hash(data: body)).base64EncodedString() else { return false }
        var fields = halves[0].replacing("\r\n\t", with: "\t").components(separatedBy: "\r\n")
        var canonical: [UInt8] = []
        for name in try #require(tags["h"]).split(separator: ":") {
            guard let place = fields.lastIndex(where: { $0.lowercased().hasPrefix(name + ":") }) else { continue }
            canonical += PlainCanonical.field(Array(fields.remove(at: place).utf8)) + [0x0D, 0x0A]
        }
        let b = try #require(unfolded.range(of: "; b="))
        canonical += PlainCanonical.field(Array(unfolded[..<b.upperBound].utf8))
        let digest = SHA256.hash(data: canonical)
        let signature = try #require(Data(base64Encoded: tags["b"] ?? "?"))
        switch key.secret {
        case .rsa(let key): return key.publicKey.isValidSignature(.init(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5)
        case .ed25519(let key): return key.publicKey.isValidSignature(signature, for: Data(digest))
        }
    }

    @Test("one signature for each key, which holds by the RFC's own words; the same however the text is cut: RFC 6376 §3.7, RFC 8463 §3")
    func signs() throws {
        let fields = try sign(DKIMSignerTests.text)
        #expect(fields.count == 2)
        for (field, key) in zip(fields, keys) {
            #expect(try holds(field, of: DKIMSignerTests.text, key.key))
            #expect(try !holds(field, of: DKIMSignerTests.text.replacing("lost", with: "won"), key.key))
            #expect(try !holds(field, of: DKIMSignerTests.text.replacing("Suzie", with: "Susan"), key.key))
            #expect(field.hasSuffix("\r\n") && field.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 78 })
        }
        for pieces in [1, 2, 3, 7, 50] { #expect(try sign(DKIMSignerTests.text, pieces: pieces).first == fields.first) }
    }

    @Test("From and what else a reader goes by is named once more than it is there, trace never, a list's fields where they are: RFC 6376 §5.4, §8.15")
    func fields() throws {
        let field = try sign(DKIMSignerTests.text)[0].filter { !$0.isWhitespace }
        let start = try #require(field.range(of: ";h="))
        let end = try #require(field.range(of: ";bh="))
        let names = field[start.upperBound..<end.lowerBound].split(separator: ":").map(String.init)
        func count(_ name: String) -> Int { names.count { $0 == name } }
        #expect(count("from") == 2 && count("to") == 2 && count("subject") == 2 && count("date") == 2 && count("message-id") == 2)
        #expect(count("cc") == 1 && count("reply-to") == 1 && count("content-type") == 1 && count("list-unsubscribe") == 2)
        #expect(count("received") == 0 && count("sender") == 0 && count("list-id") == 0 && count("return-path") == 0)
    }

    @Test("the tags say who, when and until when; a domain is written with A-labels: RFC 6376 §3.5, RFC 8616 §3")
    func tags() throws {
        let own = try #require(Domain("bücher.example"))
        let fields = try sign(DKIMSignerTests.text) {
            $0 = DKIMSigner(
                domain: own, keys: keys, identity: "jöe;@bücher.example", at: Timestamp(rawValue: 5), expires: Timestamp(rawValue: 9))
        }
        let field = try #require(fields.first)
        for tag in ["v=1;", "a=rsa-sha256;", "c=relaxed/relaxed;", "d=xn--bcher-kva.example;", "s=r;", "t=5;", "x=9;", "i=j=C3=B6e=3B@"] {
            #expect(field.contains(tag), "\(tag)")
        }
        #expect(!field.contains("l="))
    }

    @Test("what cannot be signed fails: a header of more than 256 KiB, a name 200 times, no From, a literal as domain")
    func faults() throws {
        let long = "X: " + String(repeating: "a", count: DKIMSigner.longestHeader) + "\r\n" + DKIMSignerTests.text
        #expect(throws: DKIMSigner.Fault.headerTooLong) { try sign(long, pieces: 4096) }
        let many = String(repeating: "To: a@example.com\r\n", count: 200) + DKIMSignerTests.text
        #expect(throws: DKIMSigner.Fault.tooManyFields) { try sign(many, pieces: 4096) }
        #expect(throws: DKIMSigner.Fault.noAuthor) { try sign("To: a@example.com\r\n\r\n") }
        let literal = try #require(Domain("[192.0.2.1]"))
        #expect(throws: DKIMSigner.Fault.unusableDomain) {
            try sign(DKIMSignerTests.text) { $0 = DKIMSigner(domain: literal, keys: keys, at: Timestamp(rawValue: 0)) }
        }
        let almost = "X: " + String(repeating: "a", count: DKIMSigner.longestHeader - 1000) + "\r\n" + DKIMSignerTests.text
        #expect(try sign(almost, pieces: 999).count == 2)
    }
}
