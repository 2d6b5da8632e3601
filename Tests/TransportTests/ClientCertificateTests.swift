import Conversation
import Foundation
import Logging
import NIOCore
import NIOSSL
import Synchronization
import Testing

@testable import Transport

@Suite("Certificates of clients, where a listener asks for them, and why handshakes fail", .timeLimit(.minutes(20)))
struct ClientCertificateTests {
    /// What a client shows.
    enum Shown: CaseIterable {
        case none, good, viaAnother, expired, ofAnotherAuthority, forServersAlone, badlySigned

        var isGood: Bool { self == .good || self == .viaAnother }
    }

    /// An authority for clients in a file, and clients of its and of others'.
    struct Authority {
        let root: IssuedCertificate
        let path: String

        init() throws {
            root = try IssuedCertificate.make("Root of clients", .authority)
            path = FileManager.default.temporaryDirectory.appending(component: "martlet-clients-\(UUID()).pem").path()
            try root.certificate.serializeAsPEM().pemString.write(toFile: path, atomically: true, encoding: .utf8)
        }

        /// try?: it is in the folder of what is temporary.
        func remove() { try? FileManager.default.removeItem(atPath: path) }

        func show(_ shown: Shown, in tls: inout TLSConfiguration) throws {
            let kind = IssuedCertificate.Kind.client(["jo@example.org"])
            var chain: [IssuedCertificate] = []
            switch shown {
            case .none: return
            case .good: chain = [try .make("jo", kind, by: root)]
            case .viaAnother:
                let middle = try IssuedCertificate.make("Middle", .authority, by: root)
                chain = [try .make("jo", kind, by: middle), middle]
            case .expired: chain = [try .make("jo", kind, by: root, flaw: .expired)]
            case .ofAnotherAuthority: chain = [try .make("jo", kind, by: .make("Root of clients", .authority))]
            case .forServersAlone: chain = [try .make("jo", kind, by: root, flaw: .purpose)]
            case .badlySigned: chain = [try .make("jo", kind, by: root, flaw: .signature)]
            }
            let identity = try chain[0].identity(with: Array(chain.dropFirst()))
            tls.certificateChain = identity.chain.map { .certificate($0) }
            tls.privateKey = .privateKey(identity.key)
        }
    }

    /// Failures as they come.
    struct Failures: Sendable {
        let stream: AsyncStream<HandshakeFailure>
        private let mouth: AsyncStream<HandshakeFailure>.Continuation

        init() { (stream, mouth) = AsyncStream.makeStream() }
        func rules(_ clients: ClientCertificates = .off) -> HandshakeRules { HandshakeRules(clients: clients) { mouth.yield($0) } }
        func end() { mouth.finish() }
        func next() async -> HandshakeFailure? {
            for await failure in stream { return failure }
            return nil
        }
    }

    private static func shelf(_ authority: Authority) throws -> CertificateShelf {
        try CertificateShelf([Stage.identity("mx.example.org")], clientAuthorities: authority.path)
    }

    private static func client(_ authority: Authority, _ shown: Shown, newest: Bool) throws -> TLSConfiguration {
        var tls = trusting()
        tls.maximumTLSVersion = newest ? .tlsv13 : .tlsv12
        try authority.show(shown, in: &tls)
        return tls
    }

    private static func isLetIn(_ clients: ClientCertificates, _ shown: Shown) -> Bool {
        switch clients {
        case .off: true
        case .ask: shown == .none || shown.isGood
        case .require: shown.isGood
        }
    }

    private static func words(_ clients: ClientCertificates, _ shown: Shown) -> String {
        clients != .off && shown.isGood ? "CLIENT CN=jo jo@example.org 20 32" : "CLIENT nobody"
    }

    @Test(
        "TLS from the first octet: who is asked proves who it is or is nobody, and what is not good is not let in: RFC 8446 §4.4.2.4",
        arguments: ClientCertificates.allCases, Shown.allCases)
    func implicit(_ clients: ClientCertificates, _ shown: Shown) async throws {
        let authority = try Authority()
        defer { authority.remove() }
        let failures = Failures()
        try await Stage.with(security: .implicitTLS(Self.shelf(authority), failures.rules(clients))) { stage in
            for newest in [true, false] {
                let client = try await Client.connect(stage.port, tls: Self.client(authority, shown, newest: newest))
                if Self.isLetIn(clients, shown) {
                    #expect(await client.line()?.hasPrefix("* HELLO 127.0.0.1 \(newest ? "TLSv1.3" : "TLSv1.2")") == true)
                    try await client.send("CLIENT\n")
                    let line = await client.line()
                    #expect(line?.hasPrefix(Self.words(clients, shown).prefix(30)) == true, "\(line ?? "")")
                } else {
                    #expect(await client.line() == nil)
                    #expect(await failures.next() == .clientCertificate)
                }
                client.channel.close(promise: nil)
            }
        }
    }

    @Test("behind STARTTLS it is the same", arguments: ClientCertificates.allCases, Shown.allCases)
    func startTLS(_ clients: ClientCertificates, _ shown: Shown) async throws {
        let authority = try Authority()
        defer { authority.remove() }
        let failures = Failures()
        try await Stage.with(security: .startTLS(Self.shelf(authority), failures.rules(clients))) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("STARTTLS\n")
            #expect(await client.line() == "READY")
            try await client.secure(Self.client(authority, shown, newest: true))
            // try?: who is not let in may know it already.
            try? await client.send("CLIENT\n")
            let line = await client.line()
            if Self.isLetIn(clients, shown) {
                #expect(line?.hasPrefix(Self.words(clients, shown).prefix(30)) == true, "\(line ?? "")")
            } else {
                #expect(line == nil)
                #expect(await failures.next() == .clientCertificate)
            }
            client.channel.close(promise: nil)
        }
    }

    @Test("HTTPS, with HTTP/1.1: a request knows who its client has proved to be", arguments: ClientCertificates.allCases, Shown.allCases)
    func web(_ clients: ClientCertificates, _ shown: Shown) async throws {
        let authority = try Authority()
        defer { authority.remove() }
        let failures = Failures()
        try await WebStage.with(.implicitTLS(Self.shelf(authority), failures.rules(clients))) { stage in
            let client = try await Client.connect(stage.port, tls: Self.client(authority, shown, newest: true))
            // try?: who is not let in may know it already.
            try? await client.send("GET /who HTTP/1.1\r\nHost: mx.example.org\r\n\r\n")
            let reply = await client.reply()
            if Self.isLetIn(clients, shown) {
                #expect(reply?.status == "200")
                let request = stage.routes.ledger.withLock { $0.requests.first }
                #expect(request?.connection.tls?.client?.commonNames == (clients != .off && shown.isGood ? ["jo"] : nil))
            } else {
                #expect(reply == nil)
                #expect(await failures.next() == .clientCertificate)
            }
            client.channel.close(promise: nil)
        }
    }

    @Test("a session that is resumed keeps who began it, and none of another listener's is", arguments: [true, false])
    func resumed(_ newest: Bool) async throws {
        let authority = try Authority()
        defer { authority.remove() }
        let shelf = try Self.shelf(authority)
        try await Stage.with(security: .implicitTLS(shelf, HandshakeRules(clients: .ask))) { stage in
            let context = try NIOSSLContext(configuration: Self.client(authority, .good, newest: newest))
            for _ in 0..<3 {
                let client = try await Client.connect(stage.port, sharing: context, name: "mx.example.org")
                _ = await client.line()
                try await client.send("CLIENT\nQUIT\n")
                #expect(await client.line()?.hasPrefix("CLIENT CN=jo ") == true)
                while await client.line() != nil {}
            }
        }
    }

    @Test("authorities are read again with the certificates: whom they do not name any more is not let in; a bad file changes nothing")
    func reloaded() async throws {
        let (authority, other) = (try Authority(), try Authority())
        defer {
            authority.remove()
            other.remove()
        }
        let shelf = try Self.shelf(authority)
        try await Stage.with(security: .implicitTLS(shelf, HandshakeRules(clients: .require))) { stage in
            func greeting() async throws -> String? {
                try await Client.connect(stage.port, tls: Self.client(authority, .good, newest: true)).line()
            }
            #expect(try await greeting() != nil)
            let before = try String(contentsOfFile: authority.path, encoding: .utf8)
            try "nothing".write(toFile: authority.path, atomically: true, encoding: .utf8)
            #expect(throws: TLSIdentity.Fault.self) { try shelf.reload() }
            #expect(try await greeting() != nil)
            try String(contentsOfFile: other.path, encoding: .utf8).write(toFile: authority.path, atomically: true, encoding: .utf8)
            try shelf.reload()
            #expect(try await greeting() == nil)
            try before.write(toFile: authority.path, atomically: true, encoding: .utf8)
            try shelf.reload()
            // Those that a CA has issued anew are shown to the same clients.
            try shelf.replace(with: [Stage.identity("new.example.org")])
            #expect(try await greeting() != nil)
        }
    }

    @Test("without authorities nobody is let in where certificates are asked for")
    func noAuthorities() async throws {
        try await Stage.with(security: .implicitTLS(Stage.shelf(), HandshakeRules(clients: .ask))) { stage in
            let client = try await Client.connect(stage.port, tls: trusting())
            #expect(await client.line() == nil)
        }
    }

    @Test("what is said of a certificate is what stands in it, and one whose time is over since is nobody")
    func read() throws {
        let root = try IssuedCertificate.make("Root \"x\"", .authority)
        let leaf = try IssuedCertificate.make("jo", .client(["jo@example.org", "jo@example.net"]), by: root)
        let identity = try leaf.identity()
        let certificate = identity.chain[0]
        let client = try ClientCertificate(certificate)
        #expect(client.subject == "CN=jo" && client.issuer.hasPrefix("CN=Root") && client.commonNames == ["jo"])
        #expect(client.addresses == ["jo@example.org", "jo@example.net"] && client.hosts.isEmpty && client.uris.isEmpty)
        #expect(client.serial == Array(leaf.certificate.serialNumber.bytes))
        #expect(client.digest == identity.leafDigest)
        for days in [-11.0, 301] {
            #expect(throws: ClientCertificate.Expired.self) { try ClientCertificate(certificate, at: Date().addingTimeInterval(days * 86_400)) }
        }
    }

    /// Lines as they are logged.
    private struct Lines: LogHandler {
        let lines: AsyncStream<String>.Continuation
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(
            level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata?, source: String, file: String, function: String, line: UInt
        ) { lines.yield("\(message) \(metadata?["subject"] ?? "")") }
    }

    @Test("the log says who has shown a certificate")
    func logged() async throws {
        let authority = try Authority()
        defer { authority.remove() }
        let (lines, mouth) = AsyncStream.makeStream(of: String.self)
        let logger = Logger(label: "test") { _ in Lines(lines: mouth) }
        try await Stage.with(security: .implicitTLS(Self.shelf(authority), HandshakeRules(clients: .ask)), logger: logger) { stage in
            let client = try await Client.connect(stage.port, tls: Self.client(authority, .good, newest: true))
            #expect(await client.line() != nil)
            for await line in lines where line.hasPrefix("A client has shown a certificate") {
                #expect(line == "A client has shown a certificate \"CN\\u{3D}jo\"")
                break
            }
            client.channel.close(promise: nil)
        }
    }

    // MARK: Failures

    /// What comes of a client of such a kind.
    private static func failure(_ tls: TLSConfiguration, name: String? = nil) async throws -> HandshakeFailure? {
        let failures = Failures()
        var found: HandshakeFailure?
        try await Stage.with(security: .implicitTLS(Stage.shelf(), failures.rules())) { stage in
            let client = try await Client.connect(stage.port, tls: tls, name: name)
            while await client.line() != nil {}
            found = await failures.next()
        }
        return found
    }

    @Test("why a handshake failed is told apart: version, cipher, our certificate, what is spoken inside")
    func reasons() async throws {
        let old = trusting {
            $0.minimumTLSVersion = .tlsv1
            $0.maximumTLSVersion = .tlsv11
        }
        #expect(try await Self.failure(old) == .version)
        let weak = trusting {
            $0.maximumTLSVersion = .tlsv12
            $0.cipherSuiteValues = [.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA]
        }
        #expect(try await Self.failure(weak) == .cipher)
        for version in [TLSVersion.tlsv12, .tlsv13] {
            var distrusting = TLSConfiguration.makeClientConfiguration()
            distrusting.maximumTLSVersion = version
            #expect(try await Self.failure(distrusting, name: "mx.example.org") == .certificate)
        }
        #expect(try await Self.failure(trusting { $0.applicationProtocols = ["h2"] }) == .application)
    }

    @Test("what is no TLS is garbage, and who goes away in the middle has gone")
    func garbage() async throws {
        let failures = Failures()
        try await Stage.with(security: .implicitTLS(Stage.shelf(), failures.rules())) { stage in
            for text in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "EHLO mx.example.org\r\nQUIT\r\n", String(repeating: "\u{1}", count: 100)] {
                let client = try await Client.connect(stage.port)
                try await client.send(text)
                #expect(await failures.next() == .garbage)
                client.channel.close(promise: nil)
            }
        }
    }

    @Test(
        "who connects and says nothing, or half a word, is too late when the time is over, at mail's ports and the web's", arguments: ["", "\u{16}\u{3}\u{1}"])
    func silent(_ words: String) async throws {
        let failures = Failures()
        var limits = LineLimits()
        limits.handshake = .milliseconds(50)
        try await Stage.with(security: .implicitTLS(Stage.shelf(), failures.rules()), limits: limits) { stage in
            let client = try await Client.connect(stage.port)
            // try?: on a machine that is busy the time is over already.
            try? await client.send(words)
            #expect(await client.bytes() == nil)
            #expect(await failures.next() == .timeout)
        }
        try await Stage.with(security: .startTLS(Stage.shelf(), failures.rules()), limits: limits) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("STARTTLS\n")
            #expect(await client.line() == "READY")
            // try?: on a machine that is busy the time is over already.
            try? await client.send(words)
            #expect(await failures.next() == .timeout)
            client.channel.close(promise: nil)
        }
        var web = WebStage.patient
        web.handshake = .milliseconds(50)
        try await WebStage.with(.implicitTLS(Stage.shelf(), failures.rules()), limits: web) { stage in
            let client = try await Client.connect(stage.port)
            // try?: on a machine that is busy the time is over already.
            try? await client.send(words)
            #expect(await client.bytes() == nil)
            #expect(await failures.next() == .timeout)
        }
    }

    @Test("who leaves in the midst of the first word has gone; who leaves without one has only tried the port, and is not counted")
    func tried() async throws {
        let failures = Failures()
        try await Stage.with(security: .implicitTLS(Stage.shelf(), failures.rules())) { stage in
            let probe = try await Client.connect(stage.port)
            try await probe.finish()
            while await probe.bytes() != nil {}
            let client = try await Client.connect(stage.port)
            try await client.send("\u{16}\u{3}")
            try await client.finish()
            #expect(await failures.next() == .closed)
        }
        failures.end()
        #expect(await failures.next() == nil)
    }

    @Test("a handshake that is not done in time is told apart from one that the client gave up")
    func unfinished() async throws {
        let failures = Failures()
        var hello: ByteBuffer?
        try await Peer.with { peer in
            let client = try await Client.connect(peer.port, tls: trusting())
            for await word in try await peer.guest().words {
                hello = word
                break
            }
            client.channel.close(promise: nil)
        }
        let first = try #require(hello)
        // On a machine that is busy even the beginning may come too late; then nothing was answered.
        var hasBegun = false
        for patience in [Duration.milliseconds(50), .seconds(1), .seconds(30)] where !hasBegun {
            var limits = LineLimits()
            limits.handshake = patience
            try await Stage.with(security: .implicitTLS(Stage.shelf(), failures.rules()), limits: limits) { stage in
                let client = try await Client.connect(stage.port)
                try await client.send(first)
                while await client.bytes() != nil { hasBegun = true }
                #expect(await failures.next() == .timeout)
            }
        }
        #expect(hasBegun)
        try await Stage.with(security: .implicitTLS(Stage.shelf(), failures.rules())) { stage in
            let client = try await Client.connect(stage.port)
            try await client.send(first)
            #expect(await client.bytes() != nil)
            try await client.finish()
            #expect(await failures.next() == .closed)
        }
    }
}
