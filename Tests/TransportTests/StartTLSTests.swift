import MailModel
import NIOSSL
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(20)))
struct StartTLSTests {
    @Test("commands behind STARTTLS in the same segment are dropped: RFC 3207 §4.2, CVE-2011-0411")
    func injection() async throws {
        let worker = ToyWorker()
        try await Stage.with(worker, security: .startTLS(Stage.shelf())) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("STARTTLS\nECHO injected\nQUIT\n")
            #expect(await client.line() == "READY")
            try await client.secure(trusting(), name: "mx.example.org")
            try await client.send("ECHO first in TLS\nSTATE\n")
            #expect(await client.lines(2) == ["OK first in TLS", "STATE secure"])
        }
    }

    @Test("plain text after the answer to STARTTLS never reaches the session", arguments: ["ECHO injected\n", "\u{16}\u{3}\u{1}\0\u{20}"])
    func plainText(bytes: String) async throws {
        let worker = ToyWorker()
        try await Stage.with(worker, security: .startTLS(Stage.shelf())) { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("STARTTLS\n")
            #expect(await client.line() == "READY")
            try await client.send(bytes)
            try? await client.finish()
            while await client.octets() != nil {}
            try? await client.close()
            var endings = worker.ended.makeAsyncIterator()
            #expect(await endings.next()?.lines == 1)
        }
    }

    @Test("STARTTLS within TLS, or where there is none, closes")
    func refused() async throws {
        try await Stage.with { stage in
            let client = try await Client.connect(stage.port)
            _ = await client.line()
            try await client.send("STARTTLS\n")
            while await client.line() != nil {}
        }
    }

    @Test("implicit TLS: the greeting comes after the handshake and knows the version and the name asked for")
    func implicit() async throws {
        try await Stage.with(security: .implicitTLS(Stage.shelf())) { stage in
            let client = try await Client.connect(stage.port, tls: trusting(), name: "Imap.example.org")
            #expect(await client.line() == "* HELLO 127.0.0.1 TLSv1.3 imap.example.org")
            let older = try await Client.connect(stage.port, tls: trusting { $0.maximumTLSVersion = .tlsv12 })
            #expect(await older.line() == "* HELLO 127.0.0.1 TLSv1.2 -")
            try await client.send("QUIT\n")
            #expect(await client.lines(2) == ["BYE"])
        }
    }

    @Test("20 MB through TLS to a slow reader arrive whole")
    func stream() async throws {
        try await Stage.with(security: .implicitTLS(Stage.shelf())) { stage in
            let client = try await Client.connect(stage.port, tls: trusting())
            _ = await client.line()
            try await client.send("STREAM 20000000\n")
            var octets = 0
            while octets < 20_000_000, let count = await client.octets() { octets += count }
            #expect(octets >= 20_000_000)
        }
    }

    @Test("R13 S34: TLS 1.1 and suites without ECDHE and AEAD are refused")
    func weak() async throws {
        try await Stage.with(security: .implicitTLS(Stage.shelf())) { stage in
            let old = try await Client.connect(
                stage.port,
                tls: trusting {
                    $0.minimumTLSVersion = .tlsv1
                    $0.maximumTLSVersion = .tlsv11
                })
            #expect(await old.line() == nil)
            func greeting(_ suite: NIOTLSCipher) async throws -> String? {
                let tls = trusting {
                    $0.maximumTLSVersion = .tlsv12
                    $0.cipherSuiteValues = [suite]
                }
                return try await Client.connect(stage.port, tls: tls).line()
            }
            #expect(try await greeting(.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA) == nil)
            #expect(try await greeting(.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) == "* HELLO 127.0.0.1 TLSv1.2 -")
        }
    }

    @Test("new connections take a new certificate; those that are open stay")
    func reload() async throws {
        let shelf = try Stage.shelf()
        try await Stage.with(security: .implicitTLS(shelf)) { stage in
            let before = try await Client.connect(stage.port, tls: trusting())
            _ = await before.line()
            try shelf.replace(with: [Stage.identity("new.example.org")])
            let after = try await Client.connect(stage.port, tls: trusting())
            _ = await after.line()
            #expect(try await before.certificate()?._subjectAlternativeNames().count == 2)
            #expect(try await before.certificate() != after.certificate())
            #expect(try await after.certificate() == shelf.identities.first?.chain.first)
            try await before.send("ECHO still here\n")
            #expect(await before.line() == "OK still here")
        }
    }

    @Test("the name the client asks for chooses the certificate; the first is for the others")
    func serverNames() async throws {
        let (first, second) = try (Stage.identity("mx.example.org"), Stage.identity("*.example.net", "example.net"))
        let shelf = try CertificateShelf([first, second])
        try await Stage.with(security: .implicitTLS(shelf)) { stage in
            for (name, identity) in [("mx.example.org", first), ("IMAP.example.net", second), ("a.b.example.net", first), (nil, first)] {
                let client = try await Client.connect(stage.port, tls: trusting(), name: name)
                _ = await client.line()
                #expect(try await client.certificate() == identity.chain.first, "\(name ?? "-")")
            }
        }
    }
}
