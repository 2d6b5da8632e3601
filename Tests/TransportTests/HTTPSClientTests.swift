import Conversation
import MailModel
import NIOCore
import NIOPosix
import NIOSSL
import Rehearsal
import Testing

@testable import Transport

@Suite("Requests by HTTPS, to servers that the administrator names", .timeLimit(.minutes(20)))
struct HTTPSClientTests {
    private static let shared = Result { try StreamDialler(group: MultiThreadedEventLoopGroup.singleton, authorities: TestAuthority.roots()) }

    private static func client(allowsPrivate: Bool = true, deadline: HTTPSFetcherTests.Deadline = .init()) throws -> HTTPSClient {
        let names = NameTable()
        try names.setAddresses(of: "mx.example.org", ["127.0.0.1"])
        try names.setAddresses(of: "other.example.org", ["127.0.0.1"])
        var setting = HTTPSClient.Setting()
        setting.allowsPrivate = allowsPrivate
        return HTTPSClient(names, try shared.get(), setting, wait: deadline.wait)
    }

    private static func request(_ port: Int, _ method: String = "POST", host: String = "mx.example.org", content: String = "{}") -> HTTPSClient.Request {
        HTTPSClient.Request(
            method, host: host, port: port, path: "/a?b", fields: [("Accept", "x/y"), ("Content-Type", "a/b")], content: ByteBuffer(string: content),
            mostOctets: 1_000, patience: HTTPSFetcherTests.long)
    }

    private static func server() throws -> TLSConfiguration { StreamTLSTests.server(try TestAuthority.identity()) { $0.shutdownTimeout = .milliseconds(100) } }

    private static func result(_ send: () async throws -> HTTPSClient.Reply) async -> (reply: HTTPSClient.Reply?, fault: WebFault?) {
        do { return (try await send(), nil) } catch let fault as WebFault { return (nil, fault) } catch {
            Issue.record(error)
            return (nil, nil)
        }
    }

    /// What comes of such an answer.
    private static func answer(_ pieces: [String], ends: Bool = true, _ method: String = "POST") async throws -> (reply: HTTPSClient.Reply?, fault: WebFault?) {
        var got: (reply: HTTPSClient.Reply?, fault: WebFault?)
        try await Peer.with(tls: Self.server()) { peer in
            let client = try client()
            let request = request(peer.port, method)
            async let reply = result { try await client.send(request) }
            let guest = try await peer.guest()
            #expect(await guest.hear(4).hasPrefix(method))
            // try?: who has heard enough closes.
            for piece in pieces { try? await guest.say(piece) }
            if ends { try? await guest.channel.close().get() }
            got = await reply
        }
        return got
    }

    @Test("a request has its fields, its length and its content: RFC 9112 §6.2", arguments: ["mx.example.org", "127.0.0.1"])
    func sent(_ host: String) async throws {
        try await Peer.with(tls: Self.server()) { peer in
            let client = try Self.client()
            let request = Self.request(peer.port, host: host, content: "{\"a\":1}")
            async let reply = client.send(request)
            let guest = try await peer.guest()
            let text =
                "POST /a?b HTTP/1.1\r\nHost: \(host):\(peer.port)\r\nUser-Agent: Martlet\r\nConnection: close\r\nAccept: x/y\r\nContent-Type: a/b\r\n"
                + "Content-Length: 7\r\n\r\n{\"a\":1}"
            #expect(await guest.hear(text.utf8.count) == text)
            try await guest.say("HTTP/1.1 201 Created\r\nLink: <a>;rel=\"up\"\r\nContent-Length: 2\r\nlink: <b>;rel=\"index\"\r\n\r\nok")
            let got = try await reply
            #expect(got.status == 201 && String(buffer: got.content) == "ok")
            #expect(got.fields.filter { $0.name.lowercased() == "link" }.map(\.value) == ["<a>;rel=\"up\"", "<b>;rel=\"index\""])
        }
    }

    @Test("an answer to HEAD has no content, whatever length it says: RFC 9110 §9.3.2")
    func head() async throws {
        let got = try await Self.answer(["HTTP/1.1 200 OK\r\nReplay-Nonce: a\r\nContent-Length: 100\r\n\r\n"], ends: false, "HEAD")
        #expect(got.reply?.status == 200 && got.reply?.content.readableBytes == 0)
    }

    @Test("errors and redirects are answers", arguments: [301, 400, 429, 503])
    func statuses(_ status: Int) async throws {
        let got = try await Self.answer(["HTTP/1.1 \(status) x\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"])
        #expect(got.reply?.status == status)
    }

    @Test(
        "what is more than was asked for is refused, however it comes",
        arguments: [
            ["HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", String(repeating: "x", count: 1001)],
            ["HTTP/1.1 200 OK\r\n\r\n", String(repeating: "x", count: 1001)], ["HTTP/1.1 200 OK\r\nX: ", String(repeating: "x", count: 200_000)],
            ["HTTP/1.1 200 OK\r\n", String(repeating: "X: y\r\n", count: 30_000)], [String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 10_000)],
            ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", String(repeating: "x", count: 200_000)],
        ])
    func tooLarge(_ pieces: [String]) async throws { #expect(try await Self.answer(pieces, ends: false).fault == .tooLarge) }

    @Test("half an answer is none")
    func half() async throws {
        switch try await Self.answer(["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"]).fault {
        case .unreachable, .malformed: break
        case let other: Issue.record("\(String(describing: other))")
        }
    }

    @Test("a certificate for another name, and one of no authority of ours, are refused")
    func strangers() async throws {
        for (host, configuration) in [("other.example.org", try Self.server()), ("mx.example.org", StreamTLSTests.server(try Self.own()) { _ in })] {
            try await Peer.with(tls: configuration) { peer in
                let client = try Self.client()
                let request = Self.request(peer.port, host: host)
                guard case .tls = await Self.result({ try await client.send(request) }).fault else {
                    Issue.record("\(host) was believed")
                    return
                }
            }
        }
    }

    private static func own() throws -> TLSIdentity {
        let own = try SelfSignedCertificate.make(hostNames: ["mx.example.org"], now: Timestamp(rawValue: 1_790_000_000))
        return try TLSIdentity(certificatePEM: own.certificatePEM, keyPEM: own.keyPEM)
    }

    @Test("this machine and private networks are asked where that is allowed, and only there")
    func scopes() async throws {
        for host in ["mx.example.org", "127.0.0.1"] {
            let client = try Self.client(allowsPrivate: false)
            let request = Self.request(1, host: host)
            guard case .noAddress = await Self.result({ try await client.send(request) }).fault else {
                Issue.record("\(host) was asked")
                return
            }
        }
    }

    @Test("what could be taken for something else is not sent")
    func forbidden() async throws {
        let client = try Self.client()
        var requests = [Self.request(1, "GET\r\n"), Self.request(1, host: "a b"), Self.request(1), Self.request(1)]
        requests[2].path = "/ HTTP/1.1\r\nX: y"
        requests[3].fields = [("X", "a\r\nY: b")]
        for request in requests { #expect(await Self.result { try await client.send(request) }.fault != nil) }
    }

    @Test("who waits for too long, and who is cancelled, gets nothing")
    func patience() async throws {
        try await Peer.with(tls: Self.server()) { peer in
            let deadline = HTTPSFetcherTests.Deadline()
            let client = try Self.client(deadline: deadline)
            let request = Self.request(peer.port)
            async let got = Self.result { try await client.send(request) }
            _ = await (try await peer.guest()).hear(4)
            deadline.pass()
            #expect(await got.fault == .timedOut)

            let cancelled = Task { try await Self.client().send(request) }
            _ = await (try await peer.guest()).hear(4)
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
        }
    }
}
