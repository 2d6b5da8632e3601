import Conversation
import Glibc
import MailModel
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(20)))
struct StreamTLSTests {
    static let long = StreamDiallerTests.long

    /// Valid now, whenever that is.
    static func identity(_ name: String) throws -> TLSIdentity {
        let made = try SelfSignedCertificate.make(hostNames: [name], addresses: ["127.0.0.1"], now: Timestamp(rawValue: Int64(time(nil))))
        return try TLSIdentity(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM)
    }

    static func server(_ identity: TLSIdentity, _ change: (inout TLSConfiguration) -> Void = { _ in }) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: identity.chain.map { .certificate($0) }, privateKey: .privateKey(identity.key))
        change(&configuration)
        return configuration
    }

    static let anyone = TLSTerms(serverName: "mx.example.org", verification: .none)

    /// A stream in TLS and who is at its other end, or the fault.
    static func secured(
        _ identity: TLSIdentity, _ terms: TLSTerms, authorities: NIOSSLTrustRoots = .default, _ change: (inout TLSConfiguration) -> Void = { _ in },
        _ body: (any ByteStream, Peer.Guest) async throws -> Void = { _, _ in }
    ) async throws -> StreamFault? {
        var fault: StreamFault?
        try await Peer.with { peer in
            let dialler = try StreamDialler(group: MultiThreadedEventLoopGroup.singleton, authorities: authorities)
            let stream = try await dialler.dial("127.0.0.1", port: peer.port, source: nil, patience: long)
            let guest = try await peer.guest()
            try await guest.secure(server(identity, change))
            fault = await StreamDiallerTests.fault { try await stream.startTLS(terms, patience: long) }
            if fault == nil { try await body(stream, guest) }
            stream.close()
        }
        return fault
    }

    @Test("encryption alone asks nobody who they are, tells the name it looks for, and shows no certificate even where one is asked for: TRAPS §1.10")
    func anyone() async throws {
        let identity = try Self.identity("other.example.net")
        let fault = try await Self.secured(identity, Self.anyone) {
            $0.certificateVerification = .optionalVerification
            $0.trustRoots = .certificates(identity.chain)
        } _: { stream, guest in
            #expect(stream.facts.tls == TLSFacts(version: "TLSv1.3", serverName: "mx.example.org"))
            try await stream.write(ByteBuffer(string: "EHLO\r\n"), patience: Self.long)
            #expect(await guest.hear(6) == "EHLO\r\n")
            #expect(try await guest.channel.nioSSL_peerCertificate().get() == nil)
            try await guest.say("250 ok\r\n")
            #expect(try await StreamDiallerTests.all(stream, 8) == "250 ok\r\n")
            try await guest.channel.close().get()
            #expect(try await stream.read(patience: Self.long) == nil)
        }
        #expect(fault == nil)
    }

    @Test("an old server is better than none, where nothing is demanded; where authorities are, it is not", arguments: [false, true])
    func old(isDemanded: Bool) async throws {
        let identity = try TestAuthority.identity()
        let terms = isDemanded ? TLSTerms(serverName: nil, verification: .authorities(names: ["mx.example.org"])) : Self.anyone
        let fault = try await Self.secured(identity, terms, authorities: try TestAuthority.roots()) {
            $0.minimumTLSVersion = .tlsv1
            $0.maximumTLSVersion = .tlsv11
        } _: { stream, _ in
            #expect(stream.facts.tls?.version == "TLSv1.1")
        }
        #expect((fault != nil) == isDemanded)
    }

    @Test(
        "authorities, and one of the names: RFC 6125 §6.4",
        arguments: [
            (["mx.example.org"], true), (["other.example", "MX.Example.ORG."], true), (["127.0.0.1"], true), (["example.org"], false), (["127.0.0.2"], false),
            ([], false),
        ])
    func names(names: [String], isRight: Bool) async throws {
        let terms = TLSTerms(serverName: names.first, verification: .authorities(names: names))
        let fault = try await Self.secured(try TestAuthority.identity(), terms, authorities: try TestAuthority.roots())
        if isRight {
            #expect(fault == nil)
        } else {
            #expect(fault == .tls(TLSFailure(.hostMismatch, "the certificate is for mx.example.org, 127.0.0.1, not for \(names.joined(separator: ", "))")))
        }
    }

    @Test("a certificate that no authority vouches for")
    func stranger() async throws {
        let identity = try Self.identity("mx.example.org")
        let terms = TLSTerms(serverName: "mx.example.org", verification: .authorities(names: ["mx.example.org"]))
        for authorities in [NIOSSLTrustRoots.default, try TestAuthority.roots()] {
            guard case .tls(let failure) = try await Self.secured(identity, terms, authorities: authorities) else {
                Issue.record("a stranger was believed")
                return
            }
            #expect(failure.kind == .notTrusted && failure.reason == "the certificate comes from no authority that is trusted here")
        }
    }

    @Test("a wildcard is one label: RFC 6125 §6.4.3")
    func wildcard() throws {
        let names = try CertificateNames(#require(try Self.identity("*.example.org").chain.first))
        #expect(names.cover("mx.example.org") && !names.cover("a.b.example.org") && !names.cover("example.org") && !names.cover(".example.org"))
        #expect(names.written == "*.example.org, 127.0.0.1")
    }

    @Test("what came before the handshake and was not read is dropped: RFC 3207 §4.2")
    func injection() async throws {
        try await Peer.with { peer in
            let stream = try #require(try await StreamDiallerTests.dial(peer) as? ChannelStream)
            let guest = try await peer.guest()
            try await guest.say("220 go ahead\r\n250 injected\r\n")
            while try await StreamDiallerTests.unread(stream) < 28 { await Task.yield() }
            try await guest.secure(Self.server(Self.identity("mx.example.org")))
            try await stream.startTLS(Self.anyone, patience: Self.long)
            try await guest.say("250 in TLS\r\n")
            #expect(try await StreamDiallerTests.all(stream, 12) == "250 in TLS\r\n")
        }
    }

    @Test("a handshake that breaks is told in one line, and the stream is closed", arguments: ["garbage", "close", "reset", "silence", "alert"])
    func broken(how: String) async throws {
        try await Peer.with { peer in
            let stream = try await StreamDiallerTests.dial(peer)
            let guest = try await peer.guest()
            async let fault = StreamDiallerTests.fault {
                try await stream.startTLS(Self.anyone, patience: how == "silence" ? .milliseconds(30) : Self.long)
            }
            if how != "silence" { #expect(await !guest.hear(1).isEmpty) }
            switch how {
            case "garbage": try await guest.say("454 4.7.0 TLS is not available, \u{1} after all\r\n")
            case "close": try await guest.channel.close().get()
            case "reset": try await guest.reset()
            case "alert": try await guest.channel.writeAndFlush(ByteBuffer(bytes: [0x15, 3, 3, 0, 2, 2, 40])).get()
            default: break
            }
            guard case .tls(let failure) = await fault else {
                Issue.record("\(how): \(String(describing: await fault))")
                return
            }
            #expect(!failure.reason.isEmpty && failure.reason.utf8.allSatisfy { $0 >= 0x20 })
            #expect(failure.isSpoken == (how != "garbage"), "\(how): \(failure.reason)")
            for word in ["NIO", "SSL", "errno", "_"] { #expect(!failure.reason.contains(word), "\(failure.reason)") }
            #expect(await StreamDiallerTests.fault { _ = try await stream.read(patience: Self.long) } == .closed)
            #expect(await StreamDiallerTests.fault { try await stream.write(ByteBuffer(string: "x"), patience: Self.long) } == .closed)
            #expect(stream.facts.tls == nil)
        }
    }

    @Test("an end that TLS was not told of is a fault: what was said may have been cut")
    func truncated() async throws {
        let fault = try await Self.secured(try Self.identity("mx.example.org"), Self.anyone) { _ in
        } _: { stream, guest in
            try await guest.say("250-half")
            #expect(try await StreamDiallerTests.all(stream, 8) == "250-half")
            try await guest.cut()
            #expect(await StreamDiallerTests.fault { _ = try await stream.read(patience: Self.long) } == .closed)
        }
        #expect(fault == nil)
    }
}
