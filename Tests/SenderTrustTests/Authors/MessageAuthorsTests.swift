import MailModel
import MessageFormat
import NIOCore
import SenderTrust
import Testing

@Suite("The From that is judged is the From that is shown")
struct MessageAuthorsTests {
    /// What a header says of its authors.
    static func authors(_ header: String) -> MessageAuthors { MessageAuthors(ByteBuffer(string: header)) }

    static func isUnclear(_ authors: MessageAuthors) -> Bool {
        if case .unclear = authors { return true }
        return false
    }

    private static let rest = "To: <victim@victim.example>\r\nSubject: test\r\n\r\n"

    @Test(
        "honest ways to write one author",
        arguments: [
            "From: a@example.com", "from:a@example.com", "FROM: <a@example.com>", "From: Alice <a@example.com>", "From:\r\n Alice\r\n\t<a@example.com>",
            "From: \"Alice, B.\" <a@example.com>", "From: =?utf-8?q?J=C3=BCrgen?= <a@example.com>", "From: a@example.com (Alice)",
            "From: Alice <a@EXAMPLE.com>",
            "From: A. B. Alice <a@example.com>", "From: Alice <a.b+c@example.com>", "From: <a@example.com>, Bob <b@example.com>",
            "From: Team: a@example.com, b@example.com;", "From: \"user@example.org via Bug Tracker\" <support@example.com>", "From: News [EU] <a@example.com>",
            "From: Jürgen <a@example.com>", "From: \"a.b\"@example.com", "From: (comment) a@example.com", "From: a@example.com <a@example.com>",
        ])
    func one(_ field: String) throws {
        #expect(try Self.authors("\(field)\r\n\(Self.rest)") == .one(#require(Domain("example.com"))))
        #expect(try Self.authors("Received: x\r\n by y\r\n\(field)\r\n\(Self.rest)") == .one(#require(Domain("example.com"))))
    }

    @Test(
        "no author",
        arguments: [
            "", "From:\r\n", "From: \r\n", "From: undisclosed:;\r\n", "Sender: a@example.com\r\nResent-From: b@example.com\r\n", "X-From: a@b.example\r\n",
        ])
    func noAuthor(_ header: String) { #expect(Self.authors(header + Self.rest) == .none) }

    @Test("several domains are all judged: RFC 9989 §5.3.1")
    func several() throws {
        let wanted = MessageAuthors.several([try #require(Domain("attack.example")), try #require(Domain("legit.example"))])
        // espoofer server_a14, client_a2, server_a18
        #expect(Self.authors("From: <first@attack.example>, <admin@legit.example>\r\n\(Self.rest)") == wanted)
        #expect(Self.authors("From: <first@attack.example>,<admin@legit.example>,<b@attack.example>\r\n\(Self.rest)") == wanted)
        #expect(Self.authors("From: first@attack.example,<admin@legit.example>\r\n\(Self.rest)") == wanted)
        #expect(Self.authors("From: Group: first@attack.example, admin@LEGIT.example;\r\n\(Self.rest)") == wanted)
    }

    @Test("names beyond ASCII are A-labels")
    func international() throws {
        let wanted = MessageAuthors.one(try #require(Domain("xn--bcher-kva.example")))
        #expect(Self.authors("From: a@bücher.example\r\n\(Self.rest)") == wanted)
        #expect(Self.authors("From: a@BÜCHER.example, b@xn--bcher-kva.example\r\n\(Self.rest)") == wanted)
    }

    @Test(
        "espoofer's classes, and what else is shown in several ways",
        arguments: [
            // server_a8, client_a1: several From fields.
            "From: <first@attack.example>\r\nFrom: <admin@legit.example>\r\n", "From: a@legit.example\r\nFrom: a@legit.example\r\n",
            "FROM: a@legit.example\r\nfrom: b@attack.example\r\n", "From: \r\nFrom: a@legit.example\r\n",
            // server_a9: a blank before.
            " From: <first@attack.example>\r\nFrom: <admin@legit.example>\r\n", " From: <first@attack.example>\r\n", "\tFrom: <first@attack.example>\r\n",
            " x: y\r\nFrom: a@legit.example\r\n",
            // server_a10: a blank behind.
            "From: <first@attack.example>\r\nFrom : <admin@legit.example>\r\n", "From : <admin@legit.example>\r\n", "From\t: <admin@legit.example>\r\n",
            // server_a11, server_a12, server_a13: folded before the colon; Sender and Resent-From beside it.
            "From\r\n : <first@attack.example>\r\nFrom: <admin@legit.example>\r\n", "From\r\n : <first@attack.example>\r\nSender: <admin@legit.example>\r\n",
            "From\r\n : <first@attack.example>\r\nResent-From: <admin@legit.example>\r\n", "Subject: x\r\nFrom\r\n\t: <admin@legit.example>\r\n",
            // server_a15: an encoded word is an address.
            "From:=?utf-8?B?PGFkbWluQGxlZ2l0LmV4YW1wbGU+?=,<second@attack.example>\r\n",
            "From: =?utf-8?B?PGFkbWluQGxlZ2l0LmV4YW1wbGU+?= <second@attack.example>\r\n",
            "From: =?utf-8?Q?admin@legit.example?= \r\n",
            // server_a16: a route.
            "From: <@attack.example,@any.example:admin@legit.example>\r\n", "From: <@attack.example:admin@legit.example>\r\n",
            // server_a17: a quoted pair.
            "From: <admin@legit.example>\\,<second@attack.example>\r\n",
            // server_a19, and its kin.
            "From: <any@attack.example>admin@legit.example\r\n", "From: admin@legit.example<any@attack.example>\r\n",
            "From: admin@legit.example <any@attack.example>\r\n", "From: <admin@legit.example><any@attack.example>\r\n",
            "From: <<admin@legit.example>any@attack.example>\r\n", "From: <admin@legit.example> <any@attack.example>\r\n",
            "From: admin@legit.example any@attack.example\r\n", "From: admin@legit.example@attack.example\r\n",
            "From: <admin@legit.example@attack.example>\r\n",
            "From: admin@legit.example(c)@attack.example\r\n", "From: \"admin@legit.example\r\n", "From: (admin@legit.example\r\n", "From: admin@\r\n",
            "From: admin\r\n", "From: <>\r\n", "From: ,admin,\r\n",
            // Mailsploit: encoded words within the address.
            "From: =?utf-8?b?YWRtaW5AbGVnaXQuZXhhbXBsZQ==?==?utf-8?Q?=00?==?utf-8?b?cG90dXM=?=@attack.example\r\n",
            "From: <=?utf-8?q?admin=40legit.example=0A?=@attack.example>\r\n", "From: <a@=?utf-8?q?legit.example?=>\r\n",
            // Quoted local parts that are addresses.
            "From: \"admin@legit.example\"@attack.example\r\n", "From: \"admin@legit.example>\"@attack.example\r\n",
            "From: <\"<admin@legit.example>\"@attack.example>\r\n", "From: \"a,b\"@attack.example\r\n", "From: \"a b\"@attack.example\r\n",
            // Pieces.
            "From: <a b@legit.example>\r\n", "From: a@legit. example\r\n", "From: a@legit(x).example\r\n",
            "From: a@legit\r\n .example\r\n", "From: a (x) @legit.example\r\n", "From: a@legit.example.(x)attack.example\r\n", "From: a@ legit.example\r\n",
            // Domains that are none.
            "From: a@legit..example\r\n", "From: a@-legit.example\r\n", "From: a@legit.example\u{200B}\r\n", "From: a@legit.example\u{202E}\r\n",
            "From: a@\u{2100}legit.example/\r\n", "From: a@legit.example=\r\n",
            // What programs for people map to legit.example (UTS 46).
            "From: b@legit\u{3002}example\r\n", "From: b@legit\u{FF0E}example\r\n", "From: b@legit\u{FF61}example\r\n", "From: b@\u{FF4C}egit.example\r\n",
            "From: b@\u{24DB}egit.example\r\n", "From: b@le\u{FB01}t.example\r\n", "From: b@legit.example\u{3002}\r\n", "From: b@leg\u{34F}it.example\r\n",
            "From: b@leg\u{FE0F}it.example\r\n", "From: Legit, Inc. <b@\u{24DB}egit.example>\r\n", "From: c@a.example, b@legit\u{3002}example\r\n",
            // Controls, and what turns the direction of writing.
            "From: a\u{01}@legit.example\r\n", "From: \u{7F}a@legit.example\r\n", "From: a@legit.example\u{0B}\r\n",
            "From: <\u{202E}elpmaxe.tigel@a.attack.example>\r\n",
            // Line ends.
            "From: a@legit.example\r b@attack.example\r\n", "From: a@attack.example\nFrom: a@legit.example\r\n", "Subject: x\rFrom: a@legit.example\r\n",
            "Subject: x\nTo: b@c.example\r\nFrom: a@legit.example\r\n", "Subject: x\r\r\nFrom: a@legit.example\r\n",
            // NUL.
            "From: a@legit.example\0b@attack.example\r\n", "Subject: \0\r\nFrom: a@legit.example\r\n", "From\0: a@legit.example\r\n",
            "\0From: a@legit.example\r\n",
            // Names that are nearly it.
            "\u{200B}From: a@legit.example\r\n", "From\u{00A0}: a@legit.example\r\n", "F\u{00AD}rom: a@legit.example\r\nFrom: b@attack.example\r\n",
            "From\u{01}: a@legit.example\r\n", "Fr om: a@legit.example\r\n", "F\r\n rom: a@legit.example\r\n",
            // Behind a line that is no field.
            "no field\r\nFrom: a@legit.example\r\n", "Fr\u{00F6}m: x\r\nFrom: a@legit.example\r\n", ": x\r\nFrom: a@legit.example\r\n",
        ])
    func unclear(_ header: String) {
        let authors = Self.authors(header + Self.rest)
        #expect(Self.isUnclear(authors), "\(authors)")
    }

    @Test(
        "however it is read, it is the same domain",
        arguments: [
            "From: Example, Inc. <a@example.com>", "From: Example: News <a@example.com>", "From: a@example.com <b@example.com>", "From: <a@example.com",
            "From: a@example.com>", "From: a; b@EXAMPLE.com", "From: x: y: a@example.com;", "From: a@example.com b", "From: <a@example.com> via lists",
            "From: \"Bob\" <b@example.com>, Example, Inc. <a@example.com>", "From: <<a@example.com>>", "From: <@example.com:a@example.com>",
            "From: \"a@example.com\"@example.com x",
            "From: a b@example.com", "From: a, b@example.com.", "From: @example.com",
        ])
    func onlyDomain(_ field: String) throws {
        #expect(try Self.authors("\(field)\r\n\(Self.rest)") == .one(#require(Domain("example.com"))))
    }

    @Test(
        "where another domain could be read, it is not",
        arguments: [
            "From: Example, Inc. <a@example.com>, b@attack.example", "From: a, b@example.com .attack.example", "From: a, b@example.com(x).attack.example",
            "From: a, b@example.com@attack.example", "From: a, @", "From: a, b@ example.com",
            "From: a, =?utf-8?q?x=40attack.example?= <b@example.com>", "From: \"a@example.com", "From: a, b@example.com\r\n .attack.example",
            "From: a, b@[192.0.2.1]", "From: a, b@.example.com", "From: a, b@example.com/c",
        ])
    func otherDomain(_ field: String) {
        let authors = Self.authors("\(field)\r\n\(Self.rest)")
        #expect(Self.isUnclear(authors), "\(authors)")
    }

    @Test("latin-1 in an address is unclear, in a name it is not")
    func latin1() throws {
        var field = ByteBuffer(string: "From: a@b")
        field.writeBytes([0xFC])
        field.writeString("cher.example\r\n\r\n")
        #expect(Self.isUnclear(MessageAuthors(field)))
        var named = ByteBuffer(string: "From: J")
        named.writeBytes([0xFC])
        named.writeString("rgen <a@example.com>\r\n\r\n")
        #expect(try MessageAuthors(named) == .one(#require(Domain("example.com"))))
    }

    @Test("an encoded word may be a name, even one that looks like an address: RFC 9989 §11.4")
    func encodedName() throws {
        let header = "From: =?utf-8?q?admin=40legit.example?= <any@attack.example>\r\n\r\n"
        #expect(try Self.authors(header) == .one(#require(Domain("attack.example"))))
    }

    @Test("an mbox's separator is passed over, as it is when the message is kept")
    func separator() throws {
        #expect(try Self.authors("From a@b.example Mon Jan  1 12:00:00 2026\r\nFrom: a@example.com\r\n\r\n") == .one(#require(Domain("example.com"))))
        #expect(try Self.authors(">From a@b.example Mon Jan  1 12:00:00 2026\r\nFrom: a@example.com\r\n\r\n") == .one(#require(Domain("example.com"))))
    }

    @Test("text behind the empty line is no header")
    func body() throws {
        #expect(try Self.authors("From: a@example.com\r\n\r\nFrom: b@legit.example\r\n") == .one(#require(Domain("example.com"))))
        #expect(try Self.authors("From: a@example.com\r\nno field\r\nText\r\n") == .one(#require(Domain("example.com"))))
    }

    @Test("what is too long or too much is unclear, in linear time", .timeLimit(.minutes(1)))
    func bounds() throws {
        #expect(Self.isUnclear(Self.authors("From: \(String(repeating: "a", count: 20_000)) <a@example.com>\r\n\r\n")))
        let many = (0..<9).map { "a@d\($0).example" }.joined(separator: ", ")
        #expect(Self.isUnclear(Self.authors("From: \(many)\r\n\r\n")))
        let most = (0..<8).map { "a@d\($0).example" }.joined(separator: ", ")
        #expect(Self.authors("From: \(most)\r\n\r\n").domains.count == 8)
        let same = (0..<101).map { "a\($0)@example.com" }.joined(separator: ", ")
        #expect(Self.isUnclear(Self.authors("From: \(same)\r\n\r\n")))
        #expect(Self.isUnclear(Self.authors(String(repeating: "X: y\r\n", count: 10_001) + "From: a@example.com\r\n\r\n")))
        #expect(Self.isUnclear(Self.authors("X: \(String(repeating: "y", count: 10 << 20))\r\nFrom: a@example.com\r\n\r\n")))
        for hostile in ["(", "\"", "<", "@", ",", ":", ";", "=?", "\\", "[", "a@b.example,"] {
            _ = Self.authors("From: \(String(repeating: hostile, count: 16_000 / hostile.utf8.count))\r\n\r\n")
        }
    }
}
