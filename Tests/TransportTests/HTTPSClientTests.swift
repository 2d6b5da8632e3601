import Conversation
import MailModel
import NIOCore
import NIOPosix
import NIOSSL
import Rehearsal
import Testing

@testable import Transport

@Suite("Requests by HTTPS, to servers that strangers name and that the administrator names", .timeLimit(.minutes(20)))
struct HTTPSClientTests {
    static let long = StreamDiallerTests.long
    static let most = 1_000

    /// Returns when the test says so.
    struct Deadline: Sendable {
        private let signals: AsyncStream<Void>
        private let signal: AsyncStream<Void>.Continuation

        init() { (signals, signal) = AsyncStream.makeStream() }
        func pass() { signal.finish() }
        @Sendable func wait(_: Duration) async throws {
            for await _ in signals {}
            try Task.checkCancellation()
        }
    }

    private static let shared = Result { try StreamDialler(group: MultiThreadedEventLoopGroup.singleton, authorities: TestAuthority.roots()) }

    static func client(
        _ addresses: [String] = ["127.0.0.1"], _ reach: HTTPSClient.Reach = .named(allowsPrivate: true), dialler: StreamDialler? = nil,
        deadline: Deadline = Deadline()
    ) throws -> HTTPSClient {
        let names = NameTable()
        try names.setAddresses(of: "mx.example.org", addresses)
        try names.setAddresses(of: "other.example.org", addresses)
        return HTTPSClient(names, try dialler ?? shared.get(), HTTPSClient.Setting(reach), wait: deadline.wait)
    }

    static func request(_ port: Int, host: String = "mx.example.org") throws -> WebRequest {
        WebRequest(host: .name(try #require(Domain(host))), port: port, path: "/.well-known/x.txt", mostOctets: most, patience: long)
    }

    static func result(_ fetch: () async throws -> WebReply) async -> Result<WebReply, WebFault> {
        do { return .success(try await fetch()) } catch let fault as WebFault { return .failure(fault) } catch {
            Issue.record(error)
            return .failure(.timedOut)
        }
    }

    static func server() throws -> TLSConfiguration { StreamTLSTests.server(try TestAuthority.identity()) { $0.shutdownTimeout = .milliseconds(100) } }

    static let heading = "GET /.well-known/x.txt HTTP/1.1\r\n"

    /// What comes of such an answer. `ends`: the server closes behind it.
    static func answer(_ pieces: [String], ends: Bool = true) async throws -> Result<WebReply, WebFault> {
        var result: Result<WebReply, WebFault>?
        try await Peer.with(tls: Self.server()) { peer in
            let client = try client()
            let request = try request(peer.port)
            async let reply = Self.result { try await client.fetch(request) }
            let guest = try await peer.guest()
            #expect(await guest.hear(heading.count).hasPrefix(heading))
            // try?: who has heard enough closes.
            for piece in pieces { try? await guest.say(piece) }
            if ends { try? await guest.channel.close().get() }
            result = await reply
        }
        return try #require(result)
    }

    @Test("a request says what it must, and an answer is read: its status, its fields, its content")
    func fetched() async throws {
        try await Peer.with(tls: Self.server()) { peer in
            let client = try Self.client()
            let request = try Self.request(peer.port)
            async let reply = client.fetch(request)
            let guest = try await peer.guest()
            var heard = ""
            for await word in guest.words {
                heard += String(buffer: word)
                if heard.hasSuffix("\r\n\r\n") { break }
            }
            #expect(
                heard == Self.heading + "Host: mx.example.org:\(peer.port)\r\nUser-Agent: Martlet\r\nAccept: */*\r\nConnection: close\r\n\r\n")
            try await guest.say("HTTP/1.1 200 OK\r\ncontent-TYPE: Text/Plain; charset=utf-8\r\nContent-Length: 5\r\nX: 1\r\nX: 2\r\n\r\nhello")
            let got = try await reply
            #expect(got.status == 200 && got.mediaType == "text/plain" && got.fields.all("x") == ["1", "2"] && String(buffer: got.content) == "hello")
            // It closes by itself.
            #expect(await guest.hear(1) == "")
        }
    }

    @Test("what is brought goes whole, with its type and its length")
    func posted() async throws {
        let content = ByteBuffer(repeating: 0x41, count: 300_000)
        try await Peer.with(tls: Self.server()) { peer in
            let client = try Self.client()
            var request = try Self.request(peer.port)
            request.path = "/r?x=1"
            request.method = .post
            request.fields = ["Content-Type": "application/tlsrpt+gzip"]
            request.content = content
            async let reply = client.fetch(request)
            let guest = try await peer.guest()
            let head =
                "POST /r?x=1 HTTP/1.1\r\nHost: mx.example.org:\(peer.port)\r\nUser-Agent: Martlet\r\nAccept: */*\r\nConnection: close\r\n"
                + "Content-Type: application/tlsrpt+gzip\r\nContent-Length: 300000\r\n\r\n"
            let heard = await guest.hear(head.utf8.count + 300_000)
            #expect(heard.hasPrefix(head) && heard.utf8.count == head.utf8.count + 300_000 && heard.hasSuffix("AAAA"))
            try await guest.say("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            #expect(try await reply.status == 201)
        }
    }

    @Test("no more is brought than was agreed, and no field is made of its type")
    func postedTooMuch() async throws {
        let client = try Self.client(["9.0.0.1"], .world)
        var request = try Self.request(443)
        request.method = .post
        request.content = ByteBuffer(repeating: 0x41, count: WebRequest.mostContent + 1)
        #expect(await Self.result { try await client.fetch(request) } == .failure(.tooLarge))
        request.content = ByteBuffer(string: "x")
        request.fields.add(parsed: "Content-Type", "text/plain\r\nX: y")
        #expect(await Self.result { try await client.fetch(request) } == .failure(.malformed("no request can be made of that")))
    }

    @Test(
        "content by its length, in chunks, or until the end, of HTTP/1.1 and 1.0, behind provisional answers",
        arguments: [
            ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "lo"],
            ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n"],
            ["HTTP/1.1 200 OK\r\n\r\nhello"], ["HTTP/1.0 200 OK\r\n\r\nhe", "llo"], ["HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
            ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
            ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more than was said"],
        ])
    func content(pieces: [String]) async throws {
        let reply = try await Self.answer(pieces).get()
        #expect(reply.status == 200 && String(buffer: reply.content) == "hello")
    }

    @Test(
        "a redirect, an error and an answer without content are answers, and nothing else is asked for",
        arguments: [301, 302, 307, 304, 400, 404, 429, 503, 204])
    func statuses(status: Int) async throws {
        let reply = try await Self.answer(["HTTP/1.1 \(status) x\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"]).get()
        #expect(reply.status == status && reply.content.readableBytes == 0 && reply.mediaType == nil)
    }

    @Test(
        "what is more than was asked for is refused, however it comes",
        arguments: [
            ["HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", String(repeating: "x", count: 1001)],
            ["HTTP/1.1 200 OK\r\n\r\n", String(repeating: "x", count: 1001)],
            ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", String(repeating: "64\r\n\(String(repeating: "x", count: 100))\r\n", count: 11)],
            ["HTTP/1.1 200 OK\r\nX: ", String(repeating: "x", count: 200_000)],
            ["HTTP/1.1 200 OK\r\n", String(repeating: "X: y\r\n", count: 30_000)],
            [String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 10_000)],
            ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", String(repeating: "x", count: 200_000)],
        ])
    func tooLarge(pieces: [String]) async throws {
        #expect(try await Self.answer(pieces, ends: false) == .failure(.tooLarge))
    }

    @Test(
        "what is no answer is none",
        arguments: [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/3.7 200 OK\r\n\r\n",
            "220 mx.example ESMTP\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "\u{0}\u{1}\u{2}",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 200 OK\r\nbad field\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ])
    func malformed(text: String) async throws {
        guard case .failure(.malformed(let reason)) = try await Self.answer([text]) else {
            Issue.record("\(try await Self.answer([text]))")
            return
        }
        #expect(!reason.isEmpty && reason.utf8.allSatisfy { $0 >= 0x20 })
    }

    @Test(
        "an answer that ends too early is none",
        arguments: [
            "", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ])
    func cutShort(text: String) async throws {
        switch try await Self.answer(text.isEmpty ? [] : [text]) {
        case .failure(.unreachable), .failure(.malformed): break
        case let other: Issue.record("\(other)")
        }
    }

    @Test("an end that TLS was not told of is no end of the content: RFC 9112 §9.8")
    func truncated() async throws {
        try await Peer.with(tls: Self.server()) { peer in
            let client = try Self.client()
            let request = try Self.request(peer.port)
            async let reply = Self.result { try await client.fetch(request) }
            let guest = try await peer.guest()
            #expect(await guest.hear(Self.heading.count).hasPrefix(Self.heading))
            try await guest.say("HTTP/1.1 200 OK\r\n\r\nhello")
            try await guest.cut()
            guard case .failure(.unreachable) = await reply else {
                Issue.record("it was taken for whole")
                return
            }
        }
    }

    @Test("one deadline is over everything", arguments: ["dialled", "handshake", "asked", "dripping"])
    func slow(how: String) async throws {
        try await Peer.with(tls: how == "dialled" || how == "handshake" ? nil : Self.server()) { peer in
            let deadline = Deadline()
            let client = try Self.client(deadline: deadline)
            let request = try Self.request(peer.port)
            async let reply = Self.result { try await client.fetch(request) }
            let guest = try await peer.guest()
            if how == "handshake" { #expect(await !guest.hear(1).isEmpty) }
            if how == "asked" || how == "dripping" {
                #expect(await guest.hear(Self.heading.count).hasPrefix(Self.heading))
            }
            if how == "dripping" { try await guest.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe") }
            deadline.pass()
            #expect(await reply == .failure(.timedOut))
        }
    }

    /// What a handshake comes to.
    private func handshake(
        _ identity: TLSIdentity, host: String = "mx.example.org", dialler: StreamDialler? = nil, _ change: @escaping (inout TLSConfiguration) -> Void = { _ in }
    ) async throws -> Result<WebReply, WebFault> {
        var result: Result<WebReply, WebFault>?
        try await Peer.with(tls: StreamTLSTests.server(identity, change)) { peer in
            let client = try Self.client(dialler: dialler)
            let request = try Self.request(peer.port, host: host)
            async let reply = Self.result { try await client.fetch(request) }
            result = await reply
        }
        return try #require(result)
    }

    @Test("a certificate for another name, one that nobody vouches for, one that has expired, and an old TLS are refused")
    func certificates() async throws {
        let good = try TestAuthority.identity()
        let made = try SelfSignedCertificate.make(hostNames: ["mx.example.org"], addresses: [], now: Timestamp(rawValue: 946_684_800))
        let expired = try TLSIdentity(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM)
        let believer = try StreamDialler(group: MultiThreadedEventLoopGroup.singleton, authorities: .certificates(expired.chain))
        let results = [
            try await handshake(good, host: "other.example.org"), try await handshake(StreamTLSTests.identity("mx.example.org")),
            try await handshake(expired, dialler: believer),
            try await handshake(good) {
                $0.minimumTLSVersion = .tlsv1
                $0.maximumTLSVersion = .tlsv11
            },
        ]
        for (place, result) in results.enumerated() {
            guard case .failure(.tls(let reason)) = result else {
                Issue.record("\(place): \(result)")
                continue
            }
            #expect(!reason.isEmpty)
        }
    }

    @Test(
        "an address that the world cannot reach is not connected to, whatever the name: no request of a stranger's gets into a private network",
        arguments: [
            "127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::", "192.0.2.1", "224.0.0.1",
        ])
    func privateAddresses(address: String) async throws {
        let client = try Self.client([address], .world)
        let request = try Self.request(443)
        guard case .failure(.noAddress(let reason)) = await Self.result({ try await client.fetch(request) }) else {
            Issue.record("\(address) was asked")
            return
        }
        #expect(reason.hasPrefix("mx.example.org has no address that may be asked: "))
    }

    @Test("no other port than 443 is asked of the world, and nothing is asked that is no request")
    func requests() async throws {
        let client = try Self.client(["9.0.0.1"], .world)
        var request = try Self.request(25)
        #expect(await Self.result { try await client.fetch(request) } == .failure(.noAddress("port 25 is not asked")))
        for path in ["", "x", "/a b", "/\r\nHost: x", "/ü"] {
            request = try Self.request(443)
            request.path = path
            #expect(await Self.result { try await client.fetch(request) } == .failure(.malformed("no request can be made of that")))
        }
        for host in ["[127.0.0.1]", "bücher.example"] {
            request = try Self.request(443, host: host)
            #expect(await Self.result { try await client.fetch(request) } == .failure(.malformed("no request can be made of that")))
        }
    }

    @Test("where one address is not answered, another is; and a name that cannot be looked up is not one without an address")
    func addresses() async throws {
        try await Peer.with(tls: Self.server()) { peer in
            // Nobody listens at the first.
            let client = try Self.client(["127.0.0.9", "127.0.0.1"])
            let request = try Self.request(peer.port)
            async let reply = Self.result { try await client.fetch(request) }
            let guest = try await peer.guest()
            #expect(await guest.hear(Self.heading.count).hasPrefix(Self.heading))
            try await guest.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(try await reply.get().status == 200)
        }
        let names = NameTable()
        let client = HTTPSClient(names, try Self.shared.get(), HTTPSClient.Setting(.world))
        #expect(await Self.result { try await client.fetch(Self.request(443)) } == .failure(.noAddress("mx.example.org has no address")))
        try names.setFault(.a, of: "mx.example.org", .timedOut)
        #expect(await Self.result { try await client.fetch(Self.request(443)) } == .failure(.resolver(.timedOut)))
    }

    @Test("who does not want the answer any more gets none, and the connection is closed")
    func cancelled() async throws {
        try await Peer.with(tls: Self.server()) { peer in
            let client = try Self.client()
            let request = try Self.request(peer.port)
            let task = Task { try await client.fetch(request) }
            let guest = try await peer.guest()
            #expect(await guest.hear(Self.heading.count).hasPrefix(Self.heading))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(await guest.hear(1) == "")
        }
    }
}
