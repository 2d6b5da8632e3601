import Conversation
import MailModel
import NIOCore
import Synchronization
import Testing

@testable import Transport

@Suite("HTTP/1.1")
struct HTTPEngineTests {
    private func with(
        _ security: Security = .plain, limits: HTTPLimits = WebStage.patient, _ body: (Client, WebStage) async throws -> Void
    ) async throws {
        try await WebStage.with(security, limits: limits) { stage in
            let client = try await Client.connect(stage.port)
            if case .implicitTLS = security { try await client.secure(trusting { $0.applicationProtocols = ["http/1.1"] }, name: "mx.example.org") }
            try await body(client, stage)
            client.channel.close(promise: nil)
        }
    }

    private static let host = "Host: mx.example.org\r\n"

    private func get(_ path: String, _ fields: String = "") -> String { "GET \(path) HTTP/1.1\r\n\(Self.host)\(fields)\r\n" }

    @Test("requests of one connection are answered in turn, with the listener's fields")
    func turns() async throws {
        try await with { client, _ in
            for name in ["a", "b"] {
                try await client.send(get("/hello/\(name)"))
                let reply = await client.reply()
                #expect(reply?.status == "200" && reply?.content == "hello \(name)")
                #expect(reply?.fields["x-content-type-options"] == "nosniff" && reply?.fields["date"] != nil && reply?.fields["connection"] == nil)
                #expect(reply?.fields["strict-transport-security"] == nil)
            }
        }
    }

    @Test("behind TLS an answer has the fields for it")
    func secure() async throws {
        try await with(.implicitTLS(Stage.shelf())) { client, _ in
            try await client.send(get("/who"))
            let reply = await client.reply()
            #expect(reply?.content == "127.0.0.1 https mx.example.org" && reply?.fields["strict-transport-security"] == "max-age=1")
        }
    }

    @Test("what is pipelined is answered in order, also behind work that waits")
    func pipelining() async throws {
        try await with { client, stage in
            try await client.send((1...50).map { get("/hello/\($0)") }.joined())
            for number in 1...50 { #expect(await client.reply()?.content == "hello \(number)") }
            try await client.send(
                get("/wait") + get("/hello/after") + "POST /echo HTTP/1.1\r\n\(Self.host)Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi")
            while stage.routes.ledger.withLock({ $0.began }) == 0 { await Task.yield() }
            stage.routes.gate.open()
            #expect(await client.reply()?.content == "waited")
            #expect(await client.reply()?.content == "hello after")
            #expect(await client.reply()?.content == "hi")
        }
    }

    @Test(
        "methods and paths that are not there",
        arguments: [
            ("GET /nowhere", "404", nil), ("POST /", "405", "GET, HEAD"), ("OPTIONS /", "204", "GET, HEAD"), ("DELETE /echo", "405", "POST"),
            ("GET /../etc/passwd", "400", nil), ("GET /%2e%2e/x", "400", nil), ("GET /a%00", "400", nil), ("GET http://other.example/", "200", nil),
            ("GET *", "400", nil), ("OPTIONS *", "204", "GET, HEAD, OPTIONS, POST"), ("PROPFIND /", "405", "GET, HEAD"), ("PURGE /", "501", nil),
            ("PURGE /nowhere", "501", nil), ("TRACE /nowhere", "404", nil),
        ] as [(String, String, String?)])
    func refusals(line: String, status: String, allow: String?) async throws {
        try await with { client, _ in
            try await client.send("\(line) HTTP/1.1\r\n\(Self.host)\r\n" + get("/hello/next"))
            let reply = await client.reply()
            #expect(reply?.status == status && reply?.fields["allow"] == allow)
            #expect(await client.reply()?.content == "hello next")
        }
    }

    @Test(
        "what is no request line is answered 400, a method that nobody knows 501, another version 505; nothing is read behind it",
        arguments: [
            ("hello\r\n", "400"), ("GET / HTTP/1.1\nHost: x\n\n", "400"), ("GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", "400"), ("GET /\r\n\r\n", "400"),
            ("GET / HTTX/1.1\r\n\r\n", "400"), ("G\u{1}T / HTTP/1.1\r\nHost: x\r\n\r\n", "400"), ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}", "400"),
            ("FOO /\r\n\r\n", "400"), ("FOO / HTTP/1.1 x\r\n\r\n", "400"), ("GET / FTP/1.1\r\n\r\n", "400"), ("FOO / HTTP/1.1\nHost: x\n\n", "400"),
            ("FOO / HTTP/1.1\r\nHost: x\r\n\r\n", "501"), ("get / HTTP/1.1\r\nHost: x\r\n\r\n", "501"), ("FOO /nowhere HTTP/1.0\r\n\r\n", "501"),
            ("GET / HTTP/9.9\r\nHost: x\r\n\r\n", "505"), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
        ])
    func requestLines(text: String, status: String) async throws {
        try await with { client, _ in
            try await client.send(text + get("/hello/behind"))
            let reply = await client.reply()
            #expect(reply?.status == status && reply?.fields["connection"] == "close")
            #expect(await client.reply() == nil)
        }
    }

    @Test(
        "why a request line could not be read",
        arguments: [
            ("FOO / HTTP/1.1\r\n", 501), ("\r\n\r\nFOO / HTTP/1.1\r\nmore", 501), ("M-FOO * HTTP/1.0\r\n", 501), ("FOO / HTTP/3.0\r\n", 505),
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\nFOO / HTTP/1.1\r\n", 400), ("FOO / HTTP/1.1", 400), ("FOO / HTTP/1.1\n", 400), ("FOO  HTTP/1.1\r\n", 400),
            ("F(O / HTTP/1.1\r\n", 400), ("FOO / HTTP/11\r\n", 400), ("FOO / HTTP/1.x\r\n", 400), ("FOO \u{1} HTTP/1.1\r\n", 400), ("", 400), ("\n", 400),
            (" / HTTP/1.1\r\n", 400),
        ])
    func lineFaults(text: String, status: Int) {
        // Its first octet is not the buffer's.
        var octets = ByteBuffer(string: "x" + text)
        octets.moveReaderIndex(forwardBy: 1)
        #expect(RequestDecoder.status(ofLine: octets.readableBytesView) == status)
    }

    @Test("RFC 9110 §15.5.16: content that is coded is not taken, and which coding is, is said; who waits for a word hears so at once")
    func codings() async throws {
        func post(_ fields: String, _ content: String) -> String {
            "POST /echo HTTP/1.1\r\n\(Self.host)Content-Type: text/plain\r\nContent-Length: 2\r\n\(fields)\r\n\(content)"
        }
        try await with { client, _ in
            for coding in ["gzip", "identity, br", "GZIP", "x"] {
                try await client.send(post("Content-Encoding: \(coding)\r\n", "ok"))
                let reply = await client.reply()
                #expect(reply?.status == "415" && reply?.fields["accept-encoding"] == "identity")
            }
            for coding in ["identity", "Identity", ""] {
                try await client.send(post("Content-Encoding: \(coding)\r\n", "ok"))
                #expect(await client.reply()?.content == "ok")
            }
            try await client.send("POST /coded HTTP/1.1\r\n\(Self.host)Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok")
            #expect(await client.reply()?.content == "unread")
            try await client.send(post("Content-Encoding: gzip\r\nExpect: 100-continue\r\n", ""))
            #expect(await client.reply()?.status == "415")
            #expect(await client.reply() == nil)
        }
    }

    @Test("an answer that is cut by the client's end, or by a stop, is no error", arguments: [false, true])
    func cutAnswers(isStop: Bool) async throws {
        let book = LogBook()
        try await WebStage.with(logger: book.logger(from: .info)) { stage in
            let client = try await Client.connect(stage.port, autoRead: false)
            try await client.send(get("/stream/1000000000"))
            while stage.routes.ledger.withLock({ $0.produced }) == 0 { await Task.yield() }
            if isStop { await stage.listener.stop(grace: .milliseconds(10)) } else { try await client.reset() }
            for await _ in stage.routes.ended { break }
        }
        #expect(book.all == [])
    }

    @Test("HEAD is GET without its content")
    func head() async throws {
        try await with { client, _ in
            try await client.send("HEAD /hello/you HTTP/1.1\r\n\(Self.host)\r\n" + get("/hello/next"))
            let reply = await client.reply(toHead: true)
            #expect(reply?.status == "200" && reply?.fields["content-length"] == "9")
            #expect(await client.reply()?.content == "hello next")
            try await client.send("HEAD /stream/100000 HTTP/1.1\r\n\(Self.host)\r\n" + get("/hello/next"))
            #expect(await client.reply(toHead: true)?.status == "200")
            #expect(await client.reply()?.content == "hello next")
        }
    }

    @Test(
        "what could be read in two ways is refused, and nothing behind it is answered (request smuggling)",
        arguments: [
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 1, 1\r\n\r\na",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: +1\r\n\r\na",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: -1\r\n\r\na",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 0x1\r\n\r\na",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length : 1\r\n\r\na",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: identity\r\n\r\na",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "POST /echo HTTP/1.0\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1\nab\r\n0\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nX\0Y: a\r\n\r\n", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
            "GET /\r\n\r\n", "G\u{1}T / HTTP/1.1\r\nHost: x\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ])
    func smuggling(request: String) async throws {
        try await with { client, _ in
            try await client.send(request + get("/hello/smuggled"))
            let reply = await client.reply()
            #expect(["400", "501", "505", nil].contains(reply?.status), "\(reply as Any)")
            #expect(await client.reply()?.content != "hello smuggled")
        }
    }

    @Test("R70: a header of more than 8192 octets, or of too many fields, is answered 431", arguments: ["X: " + String(repeating: "a", count: 9_000), nil])
    func headers(field: String?) async throws {
        try await with { client, _ in
            let fields = field.map { $0 + "\r\n" } ?? (0..<200).map { "X\($0): a\r\n" }.joined()
            try await client.send("GET / HTTP/1.1\r\n\(Self.host)\(fields)\r\n")
            let reply = await client.reply()
            #expect(reply?.status == "431" && reply?.fields["connection"] == "close")
            #expect(await client.reply() == nil)
        }
    }

    @Test("a target without an end is not gathered")
    func endlessTarget() async throws {
        try await with { client, _ in
            try await client.send("GET /" + String(repeating: "a", count: 20_000))
            #expect(await client.reply()?.status == "431")
        }
    }

    @Test("R69 R71: content of another type, or more of it than is taken")
    func content() async throws {
        try await with { client, _ in
            try await client.send("POST /echo HTTP/1.1\r\n\(Self.host)Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
            #expect(await client.reply()?.status == "415")
            try await client.send("POST /echo HTTP/1.1\r\n\(Self.host)Content-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nok")
            #expect(await client.reply()?.content == "ok")
            try await client.send(
                "POST /echo HTTP/1.1\r\n\(Self.host)Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n")
            #expect(await client.reply()?.content == "ok!")
            try await client.send("POST /echo HTTP/1.1\r\n\(Self.host)Content-Type: text/plain\r\nContent-Length: 100001\r\n\r\n")
            #expect(await client.reply()?.status == "413")
            #expect(await client.reply() == nil)
        }
        try await with { client, _ in
            let chunk = "4000\r\n" + String(repeating: "a", count: 0x4000) + "\r\n"
            try await client.send("POST /echo HTTP/1.1\r\n\(Self.host)Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<7 { try await client.send(chunk) }
            #expect(await client.reply()?.status == "413")
        }
    }

    @Test("Expect: 100-continue is answered when the content is wanted, and not when it is refused")
    func expectation() async throws {
        try await with { client, _ in
            try await client.send("POST /echo HTTP/1.1\r\n\(Self.host)Content-Type: text/plain\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            #expect(await client.reply()?.status == "100")
            try await client.send("ok")
            #expect(await client.reply()?.content == "ok")
            try await client.send("POST /echo HTTP/1.1\r\n\(Self.host)Content-Type: text/plain\r\nContent-Length: 200000\r\nExpect: 100-continue\r\n\r\n")
            #expect(await client.reply()?.status == "413")
        }
    }

    @Test("20 MB of content stream through a handler, held back while it does not ask")
    func upload() async throws {
        try await with { client, _ in
            try await client.send("POST /count HTTP/1.1\r\n\(Self.host)Content-Length: 20971520\r\n\r\n")
            let piece = ByteBuffer(repeating: 0x61, count: 1 << 20)
            for _ in 0..<20 { try await client.send(piece) }
            #expect(await client.reply()?.content == "20971520")
            try await client.send(get("/hello/next"))
            #expect(await client.reply()?.content == "hello next")
        }
    }

    @Test("an answer before its content was read: a little is read past, more ends the connection")
    func unread() async throws {
        try await with { client, _ in
            try await client.send(
                "POST /unread HTTP/1.1\r\n\(Self.host)Content-Length: 1000\r\n\r\n" + String(repeating: "a", count: 1000) + get("/hello/next"))
            #expect(await client.reply()?.content == "unread")
            #expect(await client.reply()?.content == "hello next")
            try await client.send("POST /unread HTTP/1.1\r\n\(Self.host)Content-Length: 1000000\r\n\r\n")
            #expect(await client.reply()?.content == "unread")
            for _ in 0..<10 { client.channel.writeAndFlush(ByteBuffer(repeating: 0x61, count: 100_000), promise: nil) }
            #expect(await client.reply() == nil)
        }
    }

    @Test("streams arrive whole: chunked, of a known length, and to HTTP/1.0 by the connection's end")
    func streams() async throws {
        try await with { client, _ in
            try await client.send(get("/stream/300000"))
            let chunked = await client.reply()
            #expect(chunked?.fields["transfer-encoding"] == "chunked" && chunked?.content.count == 300_000)
            try await client.send(get("/known/300000"))
            let known = await client.reply()
            #expect(known?.fields["content-length"] == "300000" && known?.content.count == 300_000)
            try await client.send("GET /stream/300000 HTTP/1.0\r\n\r\n")
            let old = await client.reply()
            #expect(old?.fields["transfer-encoding"] == nil && old?.content.count == 300_000)
        }
    }

    @Test("what breaks off is never taken for the whole", arguments: ["/short", "/broken"])
    func brokenStreams(path: String) async throws {
        try await with { client, _ in
            try await client.send(get(path) + get("/hello/next"))
            let reply = await client.reply()
            #expect(reply == nil || reply?.content.hasSuffix("…") == true)
            #expect(await client.reply() == nil)
        }
    }

    @Test("an endless answer waits for the peer that does not read, and ends when it has gone")
    func backPressure() async throws {
        try await WebStage.with { stage in
            let client = try await Client.connect(stage.port, autoRead: false)
            try await client.send(get("/stream/1000000000"))
            // Others are served by the same event loop meanwhile; once nothing more is made, far less than all has been.
            let other = try await Client.connect(stage.port)
            var (produced, before) = (0, -1)
            while produced != before || produced == 0 {
                before = produced
                for _ in 0..<20 {
                    try await other.send(get("/"))
                    #expect(await other.reply()?.content == "root")
                }
                produced = stage.routes.ledger.withLock { $0.produced }
            }
            other.channel.close(promise: nil)
            #expect(produced < 64 << 20)
            try await client.reset()
            for await _ in stage.routes.ended { break }
            #expect(stage.routes.ledger.withLock { $0.cancelled } == 1)
        }
    }

    @Test("work is cancelled when its connection goes")
    func disconnection() async throws {
        try await with { client, stage in
            try await client.send(get("/wait"))
            while stage.routes.ledger.withLock({ $0.began }) == 0 { await Task.yield() }
            try await client.reset()
            for await _ in stage.routes.ended { break }
            #expect(stage.routes.ledger.withLock { $0.cancelled } == 1)
        }
    }

    @Test("a handler that throws is a 500 that says nothing, and the connection goes on; a field that would split the answer is not sent")
    func faults() async throws {
        try await with { client, _ in
            try await client.send(get("/bad-field"))
            let split = await client.reply()
            #expect(split?.status == "200" && split?.fields["x-split"] == nil && split?.fields["set-cookie"] == nil)
            try await client.send(get("/fails"))
            #expect(await client.reply()?.status == "408")
        }
    }

    @Test("HTTP/1.0 and Connection: close end the connection behind the answer")
    func ends() async throws {
        try await with { client, _ in
            try await client.send("GET / HTTP/1.0\r\n\r\n")
            #expect(await client.reply()?.content == "root")
            #expect(await client.reply() == nil)
        }
        try await with { client, _ in
            try await client.send(get("/", "Connection: close\r\n"))
            #expect(await client.reply()?.fields["connection"] == "close")
            #expect(await client.reply() == nil)
        }
        // A client that half-closes is still answered.
        try await with { client, _ in
            try await client.send(get("/hello/half"))
            try await client.finish()
            #expect(await client.reply()?.content == "hello half")
            #expect(await client.reply() == nil)
        }
    }

    @Test("slow clients: half a header and half of a content are answered 408; who says nothing is closed")
    func slow() async throws {
        var limits = WebStage.patient
        limits.header = .milliseconds(100)
        limits.stall = .milliseconds(100)
        try await with(limits: limits) { client, _ in
            try await client.send("GET / HT")
            #expect(await client.reply()?.status == "408")
            #expect(await client.reply() == nil)
        }
        try await with(limits: limits) { client, _ in
            try await client.send("POST /echo HTTP/1.1\r\n\(Self.host)Content-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc")
            #expect(await client.reply()?.status == "408")
            #expect(await client.reply() == nil)
        }
        limits.opening = .milliseconds(50)
        try await with(limits: limits) { client, _ in #expect(await client.reply() == nil) }
        limits.opening = .seconds(20)
        limits.idle = .milliseconds(50)
        try await with(limits: limits) { client, _ in
            try await client.send(get("/"))
            #expect(await client.reply()?.status == "200")
            #expect(await client.reply() == nil)
        }
    }

    @Test("a stop lets what is under way end, and closes what waits")
    func stops() async throws {
        try await with { client, stage in
            let idle = try await Client.connect(stage.port)
            try await client.send(get("/wait"))
            while stage.routes.ledger.withLock({ $0.began }) == 0 || stage.listener.connections < 2 { await Task.yield() }
            async let stopped: Void = stage.listener.stop(grace: .seconds(600))
            #expect(await idle.reply() == nil)
            stage.routes.gate.open()
            let reply = await client.reply()
            #expect(reply?.content == "waited" && reply?.fields["connection"] == "close")
            await stopped
        }
    }

    @Test("behind a CONNECT, and a request for another protocol, nothing is gathered", arguments: ["CONNECT a:1", "GET /wait"])
    func unparsed(line: String) async throws {
        try await with { client, stage in
            try await client.send("\(line) HTTP/1.1\r\n\(Self.host)Connection: upgrade\r\nUpgrade: other\r\n\r\n")
            for _ in 0..<100 { client.channel.writeAndFlush(ByteBuffer(repeating: 0x61, count: 100_000), promise: nil) }
            // The end may be a reset, and come before the answer is read.
            let reply = await client.reply()
            #expect(reply == nil || reply?.status == "400")
            #expect(await client.reply() == nil)
            stage.routes.gate.open()
        }
    }

    @Test("content that fills what is held and that nobody asks for holds up nothing once the answer is there")
    func fullAndUnread() async throws {
        try await with { client, stage in
            try await client.send("POST /wait HTTP/1.1\r\n\(Self.host)Content-Length: 120000\r\n\r\n" + String(repeating: "a", count: 120_000))
            while stage.routes.ledger.withLock({ $0.began }) == 0 { await Task.yield() }
            // Another connection's turns: as much as is taken has been taken.
            let other = try await Client.connect(stage.port)
            for _ in 0..<20 {
                try await other.send(get("/"))
                _ = await other.reply()
            }
            other.channel.close(promise: nil)
            stage.routes.gate.open()
            #expect(await client.reply()?.content == "waited")
            try await client.send(get("/hello/next"))
            #expect(await client.reply()?.content == "hello next")
        }
    }

    @Test("what was asked for before the client's end is answered, all of it")
    func halfClosedPipeline() async throws {
        try await with { client, _ in
            try await client.send(get("/hello/a") + get("/hello/b") + get("/stream/100000") + get("/hello/c"))
            try await client.finish()
            for content in ["hello a", "hello b"] { #expect(await client.reply()?.content == content) }
            #expect(await client.reply()?.content.count == 100_000)
            #expect(await client.reply()?.content == "hello c")
            #expect(await client.reply() == nil)
        }
    }

    @Test("what is no HTTP is answered, also where more of it follows")
    func garbage() async throws {
        try await with { client, _ in
            try await client.send("GET / HTTP/1.1\r\nHost : x\r\n")
            let reply = await client.reply()
            #expect(reply?.status == "400")
            client.channel.writeAndFlush(ByteBuffer(string: "more: x\r\n\r\n"), promise: nil)
            #expect(await client.reply() == nil)
        }
    }

    @Test("HTTP/1.0 is not told to go on; who waits for a word and is refused hears at once")
    func expectations() async throws {
        try await with { client, _ in
            try await client.send("POST /echo HTTP/1.0\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok")
            #expect(await client.reply()?.content == "ok")
        }
        try await with { client, _ in
            try await client.send("POST /nowhere HTTP/1.1\r\n\(Self.host)Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            #expect(await client.reply()?.status == "404")
            #expect(await client.reply() == nil)
        }
    }

    @Test("a route for some networks is not there for others")
    func admission() async throws {
        try await with { client, _ in
            try await client.send(get("/local"))
            #expect(await client.reply()?.content == "local")
            // A proxy of this machine that nobody has named: who asks by it is not known.
            for field in ["X-Forwarded-For: 127.0.0.1", "Via: 1.1 proxy", "Forwarded: for=127.0.0.1", "X-Real-IP: 127.0.0.1"] {
                try await client.send(get("/local", field + "\r\n"))
                #expect(await client.reply()?.status == "404")
            }
        }
        let forwarding = HTTPSite.Forwarding(proxies: .loopback)
        try await WebStage.with(forwarding: forwarding) { stage in
            let client = try await Client.connect(stage.port)
            for named in ["192.0.2.1", "127.0.0.1, 192.0.2.1", "192.0.2.1, 127.0.0.1", "junk", "junk, 127.0.0.1", ""] {
                try await client.send(get("/local", "X-Forwarded-For: \(named)\r\n"))
                #expect(await client.reply()?.status == "404", "\(named)")
            }
            try await client.send(get("/local", "Via: 1.1 proxy\r\n"))
            #expect(await client.reply()?.status == "404")
            // The proxy's own machine asks by it.
            for named in ["127.0.0.1", "127.0.0.2", "127.0.0.3, 127.0.0.1", "::1"] {
                try await client.send(get("/local", "X-Forwarded-For: \(named)\r\nVia: 1.1 proxy\r\n"))
                #expect(await client.reply()?.content == "local", "\(named)")
            }
            client.channel.close(promise: nil)
        }
    }

    @Test("a request to switch to another protocol is answered by this one, and the connection ends")
    func upgrades() async throws {
        try await with { client, _ in
            try await client.send(get("/hello/old", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"))
            let reply = await client.reply()
            #expect(reply?.content == "hello old" && reply?.fields["connection"] == "close")
            #expect(await client.reply() == nil)
        }
    }
}

@Suite("Forwarded clients")
struct ForwardedClientTests {
    private static let proxy = "10.0.0.1"

    @Test(
        "R26: from the right past the proxies that are believed, and no further",
        arguments: [
            (["X-Forwarded-For": "203.0.113.9"], "203.0.113.9"), (["X-Forwarded-For": "1.2.3.4, 203.0.113.9"], "203.0.113.9"),
            (["X-Forwarded-For": "1.2.3.4, 203.0.113.9, 10.0.0.7"], "203.0.113.9"), (["X-Forwarded-For": "junk, 10.0.0.7"], "10.0.0.7"),
            (["X-Forwarded-For": "203.0.113.9:4711"], "203.0.113.9"), (["X-Forwarded-For": "[2001:db8::1]:4711"], "2001:db8::1"),
            (["X-Forwarded-For": "2001:db8::1"], "2001:db8::1"), (["X-Forwarded-For": ""], "10.0.0.1"), (["X-Real-IP": "203.0.113.9"], "10.0.0.1"),
            (["Forwarded": "for=203.0.113.9"], "10.0.0.1"), ([:], "10.0.0.1"),
        ] as [([String: String], String)])
    func forwardedFor(fields: [String: String], expected: String) throws {
        #expect(try client(fields, .xForwardedFor)?.address.description == expected)
    }

    @Test("only the field that the proxy sets is looked at, and of nobody else than a proxy")
    func others() throws {
        #expect(try client(["X-Real-IP": "203.0.113.9", "X-Forwarded-For": "1.2.3.4"], .xRealIP)?.address.description == "203.0.113.9")
        let forwarded = try client(["Forwarded": "for=1.2.3.4, for=\"[2001:db8::1]:80\";proto=https"], .forwarded)
        #expect(forwarded?.address.description == "2001:db8::1" && forwarded?.isSecure == true)
        #expect(try client(["Forwarded": "for=1.2.3.4, for=_hidden;proto=http"], .forwarded)?.address.description == Self.proxy)
        #expect(try client(["X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"], .xForwardedFor)?.isSecure == true)
        #expect(try client(["X-Forwarded-For": "203.0.113.9"], .xForwardedFor, peer: "192.0.2.1") == nil)
    }

    private func client(_ fields: [String: String], _ field: HTTPSite.Forwarding.Field, peer: String = proxy) throws -> ForwardedClient? {
        var list = HTTPFields()
        for (name, value) in fields { list.add(name, value) }
        let forwarding = HTTPSite.Forwarding(proxies: try NetworkList("10.0.0.0/8"), field: field)
        return ForwardedClient(list, peer: try #require(IPAddress(peer)), forwarding)
    }
}
