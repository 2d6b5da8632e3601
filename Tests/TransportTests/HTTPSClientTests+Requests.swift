import Conversation
import MailModel
import NIOCore
import Rehearsal
import Testing

@testable import Transport

// What is asked, and of whom.
extension HTTPSClientTests {
    private static func posting(_ port: Int, host: String = "mx.example.org", content: String = "{}") throws -> WebRequest {
        WebRequest(
            .post, host: try #require(WebRequest.Host(host)), port: port, path: "/a?b", fields: ["Accept": "x/y", "Content-Type": "a/b"],
            content: ByteBuffer(string: content), mostOctets: most, patience: long)
    }

    @Test("a request has its fields, its length and its content, of a host by name or by address: RFC 9112 §6.2", arguments: ["mx.example.org", "127.0.0.1"])
    func sent(_ host: String) async throws {
        try await Peer.with(tls: Self.server()) { peer in
            let client = try Self.client()
            let request = try Self.posting(peer.port, host: host, content: "{\"a\":1}")
            async let reply = client.fetch(request)
            let guest = try await peer.guest()
            let text =
                "POST /a?b HTTP/1.1\r\nHost: \(host):\(peer.port)\r\nUser-Agent: Martlet\r\nConnection: close\r\nAccept: x/y\r\nContent-Type: a/b\r\n"
                + "Content-Length: 7\r\n\r\n{\"a\":1}"
            #expect(await guest.hear(text.utf8.count) == text)
            try await guest.say("HTTP/1.1 201 Created\r\nLink: <a>;rel=\"up\"\r\nContent-Length: 2\r\nlink: <b>;rel=\"index\"\r\n\r\nok")
            let got = try await reply
            #expect(got.status == 201 && String(buffer: got.content) == "ok")
            #expect(got.fields.all("link") == ["<a>;rel=\"up\"", "<b>;rel=\"index\""])
        }
    }

    @Test("a POST without content says so: RFC 9110 §8.6")
    func empty() async throws {
        try await Peer.with(tls: Self.server()) { peer in
            let client = try Self.client()
            let request = try Self.posting(peer.port, content: "")
            async let reply = client.fetch(request)
            let guest = try await peer.guest()
            var heard = ""
            for await word in guest.words {
                heard += String(buffer: word)
                if heard.hasSuffix("\r\n\r\n") { break }
            }
            #expect(heard.hasSuffix("\r\nContent-Length: 0\r\n\r\n"))
            try await guest.say("HTTP/1.1 204 No Content\r\n\r\n")
            #expect(try await reply.status == 204)
        }
    }

    @Test("an answer to HEAD has no content, whatever length it says: RFC 9110 §9.3.2")
    func head() async throws {
        try await Peer.with(tls: Self.server()) { peer in
            let client = try Self.client()
            var request = try Self.request(peer.port)
            request.method = .head
            async let reply = client.fetch(request)
            let guest = try await peer.guest()
            #expect(await guest.hear(5).hasPrefix("HEAD "))
            try await guest.say("HTTP/1.1 200 OK\r\nReplay-Nonce: a\r\nContent-Length: 100\r\n\r\n")
            let got = try await reply
            #expect(got.status == 200 && got.content.readableBytes == 0 && got.fields.only("replay-nonce") == "a")
        }
    }

    @Test("who names hosts may be believed with this machine and private networks, or not; strangers name names alone, and never those")
    func reach() async throws {
        for (reach, host) in [
            (HTTPSClient.Reach.named(allowsPrivate: false), "mx.example.org"), (.named(allowsPrivate: false), "127.0.0.1"),
            (.named(allowsPrivate: false), "::1"),
            (.named(allowsPrivate: true), "0.0.0.0"), (.named(allowsPrivate: true), "224.0.0.1"), (.world, "9.0.0.1"), (.world, "2600::1"),
            (.world, "127.0.0.1"),
        ] {
            let client = try Self.client(["127.0.0.1"], reach)
            let request = try Self.posting(443, host: host)
            guard case .failure(.noAddress) = await Self.result({ try await client.fetch(request) }) else {
                Issue.record("\(host) was asked, \(reach)")
                return
            }
        }
    }

    @Test("an address that answers and has no TLS is none: the next one is asked; a bad certificate ends it")
    func nextAddress() async throws {
        try await Peer.with(tls: Self.server()) { peer in
            try await Peer.with(tls: nil, host: "127.0.0.2", port: peer.port) { deaf in
                let client = try Self.client(["127.0.0.2", "127.0.0.1"])
                let request = try Self.request(peer.port)
                async let reply = Self.result { try await client.fetch(request) }
                try await deaf.guest().channel.close().get()
                let guest = try await peer.guest()
                #expect(await guest.hear(Self.heading.count).hasPrefix(Self.heading))
                try await guest.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                #expect(try await reply.get().status == 200)
            }
        }
    }

    @Test(
        "what could be taken for something else is not sent, nor a field that is the client's: RFC 9112 §6.3, §11.2",
        arguments: [
            ("X", "a\r\nY: b"), ("X", "a\u{0}"), ("X", "ü"), ("X:", "a"), ("", "a"), ("a b", "c"), ("Host", "other.example"), ("content-length", "1"),
            ("Transfer-Encoding", "chunked"), ("Connection", "keep-alive"), ("User-Agent", "x"),
        ])
    func forbidden(_ name: String, _ value: String) async throws {
        let client = try Self.client()
        var request = try Self.posting(1)
        request.fields.add(parsed: name, value)
        #expect(await Self.result { try await client.fetch(request) } == .failure(.malformed("no request can be made of that")))
    }

    @Test("only a POST brings something, and a port is one")
    func shapes() async throws {
        let client = try Self.client()
        var requests = [try Self.posting(1), try Self.posting(0), try Self.posting(65_536)]
        requests[0].method = .get
        for request in requests { #expect(await Self.result { try await client.fetch(request) } == .failure(.malformed("no request can be made of that"))) }
        #expect(WebRequest.Host("a b") == nil && WebRequest.Host("") == nil && WebRequest.Host("::1") != nil)
    }
}
