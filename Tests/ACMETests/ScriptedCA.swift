import Crypto
import Foundation
import MailModel
import NIOCore
import SwiftASN1
import Synchronization
import Testing
import X509

@testable import ACME

/// A CA in memory (RFC 8555): strict in what it takes, and as odd in what it says as a test wants it.
final class ScriptedCA: ACMETransport {
    enum Resource: String, CaseIterable, Sendable {
        case directory, newNonce, newAccount, account, newOrder, order, authorization, challenge, finalize, certificate, revoke, renewalInfo
    }

    /// What it does instead, once.
    enum Answer: Sendable {
        case reply(ACMEReply)
        case silence
        case cancelled
    }

    struct Request: Sendable {
        let resource: Resource
        let path: String
        /// Decoded; empty for a question.
        let payload: String
        /// Nil: it was signed by the key itself, or not at all.
        let account: String?
    }

    struct Authorization: Sendable {
        let name: CertificateName
        var status = "pending"
        var problem = ""
        /// Questions that are answered with `pending` after the challenge was begun.
        var pending = 0
        var isBegun = false
    }

    struct State: Sendable {
        var answers: [Resource: [Answer]] = [:]
        var requests: [Request] = []
        var nonces: Set<String> = []
        var number = 0
        /// By URL.
        var accounts: [String: JSONWebKey] = [:]
        var contacts: [String] = []
        var bindings = 0
        var orders: [[CertificateName]] = []
        var orderAuthorizations: [[Int]] = []
        var processing: [Int] = []
        var authorizations: [Authorization] = []
        var chains: [Int: String] = [:]
        var replaced: [String?] = []
        var revoked: [(certificate: [UInt8], reason: Int?)] = []
        /// Names of which it does not see that they are whose they should be.
        var refusedNames: Set<String> = []
        var refusedNonces = 0
        var pendingQuestions = 0
        var processingQuestions = 0
        /// Seconds.
        var life: Int64 = 90 * 86_400
        var window: (start: Int64, end: Int64)?
        /// That of the next certificate that it issues but the first.
        var nextWindow: (start: Int64, end: Int64)?
        var kinds = ["http-01", "tls-alpn-01", "dns-01"]
        var dropsAccounts = false
        var wantsBinding = false
    }

    let state = Mutex(State())
    private let clock: Timestamp.Clock
    /// What stands where a CA looks, by kind, domain and token.
    private let look: @Sendable (String, String, String) -> String?
    private let key = P256.Signing.PrivateKey()

    static let root = "https://ca.example:14000"
    static var directory: ResourceURL { get throws { try #require(ResourceURL(root + "/dir")) } }

    init(clock: @escaping Timestamp.Clock, look: @escaping @Sendable (String, String, String) -> String? = { _, _, _ in "" }) {
        (self.clock, self.look) = (clock, look)
    }

    func change(_ work: (inout State) -> Void) { state.withLock { work(&$0) } }
    func script(_ resource: Resource, _ answers: Answer...) { change { $0.answers[resource, default: []] += answers } }
    func count(_ resource: Resource) -> Int { state.withLock { $0.requests.count { $0.resource == resource } } }
    var orders: [[String]] { state.withLock { $0.orders.map { $0.map(\.description) } } }

    // MARK: Answers

    static func json(_ status: Int, _ text: String, _ fields: [(name: String, value: String)] = []) -> ACMEReply {
        ACMEReply(status: status, fields: [("Content-Type", "application/json")] + fields, content: ByteBuffer(string: text))
    }

    static func problem(
        _ status: Int, _ kind: String, _ detail: String = "because", _ fields: [(name: String, value: String)] = [], more: String = ""
    )
        -> ACMEReply
    {
        json(status, #"{"type":"urn:ietf:params:acme:error:\#(kind)","detail":"\#(detail)"\#(more)}"#, fields)
    }

    func send(_ request: ACMERequest) async throws -> ACMEReply {
        try Task.checkCancellation()
        return try state.withLock { state in
            let (resource, number) = try #require(Self.resource(request.url.path), "\(request.url) was never given out")
            state.number += 1
            let nonce = "nonce\(state.number)"
            func fresh(_ reply: ACMEReply) -> ACMEReply {
                // RFC 8555 §6.5: with answers to signed requests, and where one is asked for.
                let hasNonce = request.method == .post || resource == .newNonce
                if hasNonce { state.nonces.insert(nonce) }
                var fields = hasNonce ? [(name: "replay-nonce", value: nonce)] : []
                for name in ["content-type", "location", "retry-after"] { fields += reply.values(name).map { (name, $0) } }
                return ACMEReply(status: reply.status, fields: fields, content: reply.content)
            }
            var message: Message?
            if request.method == .post {
                let opened = try Message(request, state.accounts)
                state.requests.append(Request(resource: resource, path: request.url.path, payload: opened.payload, account: opened.kid))
                message = opened
                let isKnown = opened.nonce.map { state.nonces.remove($0) != nil } ?? false
                if state.refusedNonces > 0 || !isKnown {
                    state.refusedNonces -= 1
                    return fresh(Self.problem(400, "badNonce", "nonce \(opened.nonce ?? "") is not known"))
                }
            } else {
                state.requests.append(Request(resource: resource, path: request.url.path, payload: "", account: nil))
            }
            if let answer = state.answers[resource]?.first {
                state.answers[resource]?.removeFirst()
                switch answer {
                case .reply(let reply): return fresh(reply)
                case .silence: throw Unreached()
                case .cancelled: throw CancellationError()
                }
            }
            return fresh(try reply(resource, number, message, &state))
        }
    }

    struct Unreached: Error {}

    private static func resource(_ path: String) -> (Resource, Int)? {
        let parts = path.split(separator: "/")
        let names: [Substring: Resource] = [
            "dir": .directory, "nonce": .newNonce, "new-account": .newAccount, "account": .account, "new-order": .newOrder, "order": .order,
            "authz": .authorization, "chall": .challenge, "finalize": .finalize, "cert": .certificate, "revoke": .revoke, "renewal": .renewalInfo,
        ]
        guard let first = parts.first, let resource = names[first] else { return nil }
        return (resource, parts.count > 1 ? Int(parts[1]) ?? -1 : -1)
    }

    private func reply(_ resource: Resource, _ number: Int, _ message: Message?, _ state: inout State) throws -> ACMEReply {
        let root = ScriptedCA.root
        if let kid = message?.kid, state.accounts[kid] == nil || state.dropsAccounts {
            (state.dropsAccounts, state.accounts) = (false, [:])
            return Self.problem(400, "accountDoesNotExist")
        }
        switch resource {
        case .directory:
            let renewal = state.window == nil ? "" : #","renewalInfo":"\#(root)/renewal""#
            return Self.json(
                200,
                #"""
                {"newNonce":"\#(root)/nonce","newAccount":"\#(root)/new-account","newOrder":"\#(root)/new-order","revokeCert":"\#(root)/revoke",
                "keyChange":"\#(root)/key-change","meta":{"termsOfService":"\#(root)/terms","externalAccountRequired":\#(state.wantsBinding)}\#(renewal)}
                """#)
        case .newNonce: return ACMEReply(status: 200)
        case .newAccount:
            let message = try #require(message)
            #expect(message.kid == nil && message.payload.contains(#""termsOfServiceAgreed":true"#))
            if message.payload.contains("externalAccountBinding") { state.bindings += 1 }
            state.contacts.append(message.payload)
            let known = state.accounts.first { $0.value == message.key }?.key
            let url = known ?? "\(root)/account/\(state.number)"
            let isNew = state.accounts.updateValue(message.key, forKey: url) == nil
            return Self.json(isNew ? 201 : 200, #"{"status":"valid","orders":"\#(root)/orders"}"#, [("Location", url)])
        case .account:
            state.contacts.append(try #require(message).payload)
            return Self.json(200, #"{"status":"valid"}"#)
        case .newOrder:
            let wish = try JSONDecoder().decode(Wish.self, from: Data(try #require(message).payload.utf8))
            let names = wish.identifiers.compactMap { CertificateName($0.value) }
            state.orders.append(names)
            state.replaced.append(wish.replaces)
            state.processing.append(state.processingQuestions)
            state.orderAuthorizations.append(
                names.map { name in
                    if let known = state.authorizations.firstIndex(where: { $0.name == name && $0.status == "valid" }) { return known }
                    state.authorizations.append(Authorization(name: name, pending: state.pendingQuestions))
                    return state.authorizations.count - 1
                })
            return Self.json(201, order(state.orders.count - 1, state), [("Location", "\(root)/order/\(state.orders.count - 1)")])
        case .order:
            if state.chains[number] != nil, state.processing[number] > 0 { state.processing[number] -= 1 }
            return Self.json(200, order(number, state))
        case .authorization:
            if state.authorizations[number].isBegun, state.authorizations[number].status == "pending" { decide(number, &state) }
            return Self.json(200, authorization(number, state))
        case .challenge:
            #expect(message?.payload == "{}")
            state.authorizations[number].isBegun = true
            return Self.json(200, #"{"type":"http-01","url":"\#(root)/chall/\#(number)","status":"processing"}"#)
        case .finalize:
            let wish = try JSONDecoder().decode([String: String].self, from: Data(try #require(message).payload.utf8))
            if number > 0, let next = state.nextWindow { state.window = next }
            state.chains[number] = try issue(try #require(Base64URL.decode(wish["csr"] ?? "")), state.orders[number], state.life)
            return Self.json(200, order(number, state))
        case .certificate:
            return ACMEReply(
                status: 200, fields: [("Content-Type", "application/pem-certificate-chain; charset=utf-8"), ("Link", "<\(root)/cert/9>;rel=\"alternate\"")],
                content: ByteBuffer(string: try #require(state.chains[number])))
        case .revoke:
            let wish = try JSONDecoder().decode(Revocation.self, from: Data(try #require(message).payload.utf8))
            state.revoked.append((try #require(Base64URL.decode(wish.certificate)), wish.reason))
            return ACMEReply(status: 200)
        case .renewalInfo:
            let window = try #require(state.window)
            return Self.json(
                200,
                #"{"suggestedWindow":{"start":"\#(Timestamp(rawValue: window.start))","end":"\#(Timestamp(rawValue: window.end))"},"explanationURL":"\#(root)/why"}"#,
                [("Retry-After", "21600")])
        }
    }

    private struct Wish: Decodable {
        let identifiers: [Identifier]
        let replaces: String?
    }
    private struct Revocation: Decodable {
        let certificate: String
        let reason: Int?
    }

    private func order(_ number: Int, _ state: State) -> String {
        let authorizations = state.orderAuthorizations[number]
        let all = authorizations.map { state.authorizations[$0].status }
        let status =
            all.contains("invalid")
            ? "invalid" : all.contains("pending") ? "pending" : state.chains[number] == nil ? "ready" : state.processing[number] > 0 ? "processing" : "valid"
        let names = state.orders[number].map { #"{"type":"dns","value":"\#($0)"}"# }.joined(separator: ",")
        let urls = authorizations.map { "\"\(ScriptedCA.root)/authz/\($0)\"" }.joined(separator: ",")
        let certificate = status == "valid" ? #","certificate":"\#(ScriptedCA.root)/cert/\#(number)""# : ""
        return
            #"{"status":"\#(status)","identifiers":[\#(names)],"authorizations":[\#(urls)],"finalize":"\#(ScriptedCA.root)/finalize/\#(number)"\#(certificate)}"#
    }

    private func authorization(_ number: Int, _ state: State) -> String {
        let own = state.authorizations[number]
        let challenges = state.kinds.map { kind in
            #"{"type":"\#(kind)","url":"\#(ScriptedCA.root)/chall/\#(number)","token":"token-\#(number)","status":"\#(own.status)"\#(kind == "http-01" ? own.problem : "")}"#
        }.joined(separator: ",")
        let wildcard = own.name.isWildcard ? #","wildcard":true"# : ""
        return
            #"{"status":"\#(own.status)","identifier":{"type":"dns","value":"\#(own.name.domain)"},"challenges":[{"type":"odd-01","url":7},\#(challenges)]\#(wildcard)}"#
    }

    private func decide(_ number: Int, _ state: inout State) {
        let own = state.authorizations[number]
        guard own.pending == 0 else { return state.authorizations[number].pending -= 1 }
        // try?: a key of which there is no thumbprint made no account.
        let thumbprint = (try? state.accounts.values.first?.thumbprint()) ?? ""
        let found = state.kinds.contains { kind in
            let text = look(kind, own.name.domain.value, "token-\(number)")
            return text == "" || text == "token-\(number).\(thumbprint)"
        }
        if found, !state.refusedNames.contains(own.name.description) {
            state.authorizations[number].status = "valid"
        } else {
            state.authorizations[number].status = "invalid"
            state.authorizations[number].problem =
                #","error":{"type":"urn:ietf:params:acme:error:unauthorized","detail":"nothing at \#(own.name.domain)","status":403}"#
        }
    }

    /// - parameter request: in DER.
    func issue(_ request: [UInt8], _ names: [CertificateName], _ life: Int64) throws -> String {
        let request = try CertificateSigningRequest(derEncoded: request)
        #expect(request.publicKey.isValidSignature(request.signature, for: request))
        let wanted = try request.attributes.compactMap { try? ExtensionRequest($0) }.compactMap { try $0.extensions.subjectAlternativeNames }.flatMap { $0 }
        #expect(Set(wanted) == Set(names.map { .dnsName($0.description) }))
        let now = Date(timeIntervalSince1970: Double(clock().rawValue))
        let issuer = try DistinguishedName { CommonName("A CA in memory") }
        func certificate(_ publicKey: Certificate.PublicKey, _ subject: DistinguishedName, _ extensions: Certificate.Extensions) throws -> String {
            try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey, notValidBefore: now,
                notValidAfter: now.addingTimeInterval(Double(life)), issuer: issuer, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
                extensions: extensions, issuerPrivateKey: Certificate.PrivateKey(key)
            ).serializeAsPEM().pemString
        }
        let identifier: ArraySlice<UInt8> = [1, 2, 3, 0xFF]
        let leaf = try certificate(
            request.publicKey, DistinguishedName(),
            try Certificate.Extensions {
                Critical(SubjectAlternativeNames(wanted))
                AuthorityKeyIdentifier(keyIdentifier: identifier)
            })
        let own = try certificate(
            Certificate.PublicKey(key.publicKey), issuer, try Certificate.Extensions { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0)) })
        return leaf + "\n" + own + "\n"
    }
}

/// A signed request, opened: the signature is good.
struct Message {
    let kid: String?
    let nonce: String?
    let payload: String
    let key: JSONWebKey

    private struct Header: Decodable {
        let alg: String
        let jwk: JSONWebKey?
        let kid: String?
        let nonce: String?
        let url: String
    }

    /// - parameter accounts: the keys of accounts by their URLs; what others sign is not looked at.
    init(_ request: ACMERequest, _ accounts: [String: JSONWebKey]) throws {
        #expect(request.fields.contains { $0.name == "Content-Type" && $0.value == "application/jose+json" })
        let message = try JSONDecoder().decode(JSONWebSignature.self, from: Data(request.content.readableBytesView))
        let header = try JSONDecoder().decode(Header.self, from: Data(try #require(Base64URL.decode(message.protected))))
        #expect(header.alg == "ES256" && header.url == request.url.description)
        #expect((header.jwk == nil) != (header.kid == nil))
        (kid, nonce) = (header.kid, header.nonce)
        payload = String(decoding: try #require(Base64URL.decode(message.payload)), as: UTF8.self)
        key = header.jwk ?? accounts[header.kid ?? ""] ?? JSONWebKey(P256.Signing.PrivateKey().publicKey)
        guard header.jwk != nil || accounts[header.kid ?? ""] != nil else { return }
        let octets = try #require(Base64URL.decode(key.x ?? "")) + (try #require(Base64URL.decode(key.y ?? "")))
        let signature = try P256.Signing.ECDSASignature(rawRepresentation: try #require(Base64URL.decode(message.signature)))
        let isGood = try P256.Signing.PublicKey(rawRepresentation: octets)
            .isValidSignature(signature, for: Data(JSONWebSignature.input(message.protected, message.payload)))
        #expect(isGood)
    }
}
