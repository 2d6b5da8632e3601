import Crypto
import Foundation
import MailModel
import NIOCore
import Testing

@testable import ACME

@Suite struct JSONWebSignatureTests {
    /// RFC 7515 A.3.1
    private static let key = (
        x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
    )

    @Test("an ES256 signature is made over what RFC 7515 A.3 says, and that of the RFC is good over it: RFC 7515 §5.1, RFC 7518 §3.4")
    func es256() throws {
        let key = try P256.Signing.PrivateKey(rawRepresentation: try #require(Base64URL.decode(Self.key.d)))
        #expect(JSONWebKey(key.publicKey).x == Self.key.x && JSONWebKey(key.publicKey).y == Self.key.y)
        let protected = "eyJhbGciOiJFUzI1NiJ9"
        let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let theirs = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        let signature = try P256.Signing.ECDSASignature(rawRepresentation: try #require(Base64URL.decode(theirs)))
        #expect(key.publicKey.isValidSignature(signature, for: Data(JSONWebSignature.input(protected, payload))))
    }

    @Test("a request says by what it is signed, its nonce and its URL, all of it protected; a question has no payload: RFC 8555 §6.2, §6.3")
    func request() throws {
        let account = AccountKey()
        let url = try #require(ResourceURL("https://ca.example/new-account"))
        let first = try JSONWebSignature(Array("{}".utf8), to: url, nonce: "n-1", by: .key(account))
        let header = String(decoding: try #require(Base64URL.decode(first.protected)), as: UTF8.self)
        let (x, y) = (try #require(account.webKey.x), try #require(account.webKey.y))
        #expect(
            header == #"{"alg":"ES256","jwk":{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"},"nonce":"n-1","url":"https://ca.example/new-account"}"#)
        #expect(first.payload == "e30")
        let signature = try P256.Signing.ECDSASignature(rawRepresentation: try #require(Base64URL.decode(first.signature)))
        #expect(account.key.publicKey.isValidSignature(signature, for: Data(JSONWebSignature.input(first.protected, first.payload))))

        let name = try #require(ResourceURL("https://ca.example/account/1"))
        let second = try JSONWebSignature([], to: url, nonce: "n-2", by: .account(account, name))
        let other = String(decoding: try #require(Base64URL.decode(second.protected)), as: UTF8.self)
        #expect(other == #"{"alg":"ES256","kid":"https://ca.example/account/1","nonce":"n-2","url":"https://ca.example/new-account"}"#)
        #expect(second.payload.isEmpty)
    }

    @Test("an account is bound to another by a code over its key, without a nonce: RFC 8555 §7.3.4")
    func binding() throws {
        let account = AccountKey()
        let url = try #require(ResourceURL("https://ca.example/new-account"))
        let external = try #require(ExternalAccount(keyID: "kid-1", macKey: Base64URL.encode(Array("secret".utf8)) + "="))
        #expect(!"\(external)".contains("secret"))
        let binding = try JSONWebSignature(binding: account, to: url, by: external)
        let header = String(decoding: try #require(Base64URL.decode(binding.protected)), as: UTF8.self)
        #expect(header == #"{"alg":"HS256","kid":"kid-1","url":"https://ca.example/new-account"}"#)
        #expect(try JSONDecoder().decode(JSONWebKey.self, from: Data(try #require(Base64URL.decode(binding.payload)))) == account.webKey)
        let code = try #require(Base64URL.decode(binding.signature))
        let isGood = HMAC<SHA256>.isValidAuthenticationCode(
            code, authenticating: Data(JSONWebSignature.input(binding.protected, binding.payload)), using: SymmetricKey(data: Array("secret".utf8)))
        #expect(isGood)
        #expect(ExternalAccount(keyID: "", macKey: "AAAA") == nil && ExternalAccount(keyID: "k", macKey: "!") == nil)
    }

    @Test("a thumbprint is of the members that a key needs, in order: RFC 7638 §3.1, RFC 8037 A.3")
    func thumbprint() throws {
        var rsa = JSONWebKey(P256.Signing.PrivateKey().publicKey)
        (rsa.kty, rsa.crv, rsa.x, rsa.y, rsa.e) = ("RSA", nil, nil, nil, "AQAB")
        rsa.n =
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        #expect(try rsa.thumbprint() == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        var okp = rsa
        (okp.kty, okp.crv, okp.x, okp.e, okp.n) = ("OKP", "Ed25519", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", nil, nil)
        #expect(try okp.thumbprint() == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    }

    @Test("an account's key comes back from where it is kept, and prints nothing of itself")
    func keeping() throws {
        let key = AccountKey()
        #expect(try AccountKey(stored: key.stored).webKey == key.webKey)
        #expect(throws: AccountKey.Fault.self) { try AccountKey(stored: "AAAA") }
        #expect(throws: AccountKey.Fault.self) { try AccountKey(stored: "not base64") }
        let other = try CertificateKey(.ecdsaP256)
        #expect("\(key)" == "an account's key" && "\(other)" == "a certificate's key")
    }

    @Test("base64url has no padding and an alphabet of its own: RFC 7515 §2", arguments: [[], [0xFB], [0xFB, 0xFF], [0xFB, 0xFF, 0xFE], [0, 1, 2, 3]])
    func base64(_ octets: [UInt8]) {
        let text = Base64URL.encode(octets)
        #expect(Base64URL.isEncoded(text) && Base64URL.decode(text) == octets)
    }

    @Test("what is no base64url is none", arguments: ["A", "AA=", "AA+A", "AA/A", "A A", "ä"])
    func noBase64(_ text: String) { #expect(Base64URL.decode(text) == nil) }
}

@Suite struct ResourceURLTests {
    @Test(
        "a URL is read into what is asked: RFC 3986 §3",
        arguments: [
            ("https://ca.example/dir", "ca.example", 443, "/dir"), ("HTTPS://CA.example:14000/a/b?c=d", "ca.example", 14_000, "/a/b?c=d"),
            ("https://ca.example", "ca.example", 443, "/"), ("https://ca.example?x", "ca.example", 443, "/?x"),
            ("https://127.0.0.1:1/", "127.0.0.1", 1, "/"), ("https://[2001:db8::1]:65535/%41", "2001:db8::1", 65_535, "/%41"),
            ("https://[2001:db8::1]/", "2001:db8::1", 443, "/"),
        ])
    func good(_ text: String, _ host: String, _ port: Int, _ path: String) throws {
        let url = try #require(ResourceURL(text))
        #expect(url.host == host && url.port == port && url.path == path && url.description == text)
    }

    @Test(
        "what is not https, is too long, or hides something, is not asked: RFC 8555 §6.1",
        arguments: [
            "", "http://ca.example/dir", "https://", "https:///dir", "https://user@ca.example/", "https://ca.example/#x", "https://ca.example/ x",
            "https://ca.example/\r\nX: y", "https://ca.example:0/", "https://ca.example:65536/", "https://ca.example:/", "https://ca.example:+1/",
            "https://ca.example/\"", "https://ca.example/ä", "https://[::1/", "https://[127.0.0.1]/", "https://a..b/", "ftp://ca.example/",
            "https://ca.example/" + String(repeating: "a", count: 1_000),
        ])
    func bad(_ text: String) { #expect(ResourceURL(text) == nil) }

    @Test("names of certificates are those of hosts, in ASCII, or of all below a domain: RFC 8555 §7.1.3")
    func names() {
        #expect(CertificateName("MX.Example.org")?.description == "mx.example.org")
        #expect(CertificateName("*.example.org")?.isWildcard == true)
        #expect(CertificateName("bücher.example")?.description == "xn--bcher-kva.example")
        for text in ["", "localhost", "*", "*.", "*.*.example.org", "a.*.example.org", "_a.example.org", "192.0.2.1", "[192.0.2.1]", "a b.example"] {
            #expect(CertificateName(text) == nil, "\(text)")
        }
    }
}

@Suite struct TimeTextTests {
    @Test(
        "moments of renewal information: RFC 3339 §5.6",
        arguments: [
            ("2021-01-03T00:00:00Z", 1_609_632_000), ("2021-01-03t01:00:00.123456+01:00", 1_609_632_000), ("2021-01-02T19:30:00-04:30", 1_609_632_000),
        ] as [(String, Int64)])
    func dateTime(_ text: String, _ seconds: Int64) { #expect(Timestamp(dateTime: text)?.rawValue == seconds) }

    @Test(
        "what is no moment is none",
        arguments: [
            "", "2021-01-03", "2021-01-03T00:00:00", "2021-13-03T00:00:00Z", "2021-01-03T00:00:00.Z", "2021-01-03 00:00:00Z", "2021-01-03T00:00:00+1:00",
            "20210-1-03T00:00:00Z", "ä021-01-03T00:00:00Z",
        ]
    )
    func noDateTime(_ text: String) { #expect(Timestamp(dateTime: text) == nil) }

    @Test("dates of HTTP: RFC 9110 §5.6.7")
    func httpDate() {
        #expect(Timestamp(httpDate: "Sun, 06 Nov 1994 08:49:37 GMT")?.rawValue == 784_111_777)
        for text in ["", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Xxx 1994 08:49:37 GMT"] {
            #expect(Timestamp(httpDate: text) == nil, "\(text)")
        }
    }
}

@Suite struct ProblemTests {
    private func read(_ text: String) -> Problem { Problem(ACMEReply(status: 400, content: ByteBuffer(string: text))) }

    @Test("a problem says what is wrong and with which name, in one line: RFC 8555 §6.7, §6.7.1")
    func problem() {
        let problem = read(
            #"""
            {"type":"urn:ietf:params:acme:error:malformed","detail":"Some of it\r\nis wrong","subproblems":[
            {"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"not this","identifier":{"type":"dns","value":"_a.example"},"subproblems":[{}]}]}
            """#)
        #expect(problem.kind?.rawValue == "malformed")
        #expect(problem.description == "malformed: Some of it??is wrong; _a.example: rejectedIdentifier: not this")
    }

    @Test("what is no problem says nothing, and breaks nothing", arguments: ["", "<html>", "[]", "{}", #"{"type":7}"#, #"{"detail":null}"#])
    func none(_ text: String) { #expect(read(text).description == "no reason is given") }

    @Test("depth without end is no JSON")
    func deep() {
        let text = #"{"subproblems":"# + String(repeating: "[", count: 60_000)
        #expect(read(text).kind == nil)
    }

    @Test("long ones are cut")
    func long() {
        let part = #"{"detail":"x"}"#
        let parts = Array(repeating: part, count: 1_000).joined(separator: ",")
        let problem = read(#"{"detail":"\#(String(repeating: "d", count: 60_000))","subproblems":[\#(parts)]}"#)
        #expect(problem.detail.count == 400 && problem.subproblems.count == 100 && problem.description.count < 500)
    }
}
