import MailModel
import NIOCore
import Testing

@testable import IMAP

@Suite struct SortTests {
    @Test(
        "SORT's criteria: RFC 5256 §5, RFC 5957 §4",
        arguments: [
            ("(SUBJECT)", [.init(.subject)]), ("(reverse date)", [.init(.date, isReversed: true)]),
            ("(ARRIVAL CC REVERSE FROM SIZE TO)", [.init(.arrival), .init(.cc), .init(.from, isReversed: true), .init(.size), .init(.to)]),
            ("(DISPLAYFROM REVERSE DISPLAYTO)", [.init(.displayFrom), .init(.displayTo, isReversed: true)]),
            ("(SIZE REVERSE SIZE DATE)", [.init(.size), .init(.date)]),
        ] as [(String, [SortArguments.Criterion])])
    func criteria(_ text: String, _ expected: [SortArguments.Criterion]) throws {
        let search = SearchArguments(charset: "UTF-8", key: .and([.flag(.seen), .subject("x")]))
        #expect(try command("SORT \(text) utf-8 SEEN SUBJECT x") == .sort(SortArguments(expected, search), .sequence))
        #expect(try command("UID SORT \(text) utf-8 SEEN SUBJECT x") == .sort(SortArguments(expected, search), .uid))
    }

    @Test("RETURN: RFC 5267 §3.1, RFC 9394 §4")
    func returns() throws {
        guard let arguments = try command("SORT RETURN (MIN PARTIAL -5:-1) (SIZE) UTF-8 ALL").arguments as? SortArguments else {
            return #expect(Bool(false))
        }
        #expect(arguments.search.returns == .min)
        #expect(arguments.search.partial == PartialRange(5, 1, isFromEnd: true))
    }

    @Test("THREAD: RFC 5256 §5", arguments: ThreadArguments.Algorithm.allCases)
    func thread(_ algorithm: ThreadArguments.Algorithm) throws {
        let search = SearchArguments(charset: "US-ASCII", key: .text("x"))
        #expect(try command("THREAD \(algorithm.rawValue) us-ascii TEXT x") == .thread(ThreadArguments(algorithm, search), .sequence))
        #expect(try command("UID THREAD \(algorithm.rawValue.lowercased()) us-ascii TEXT {1}\r\nx") == .thread(ThreadArguments(algorithm, search), .uid))
    }

    @Test(
        "what they cannot be",
        arguments: [
            "SORT", "SORT (SIZE)", "SORT (SIZE) UTF-8", "SORT () UTF-8 ALL", "SORT SIZE UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL",
            "SORT (REVERSE REVERSE SIZE) UTF-8 ALL", "SORT (FOO) UTF-8 ALL", "SORT (SIZE  DATE) UTF-8 ALL", "SORT (SIZE UTF-8 ALL",
            "SORT RETURN (SIZE) UTF-8 ALL", "SORT (SIZE) CHARSET UTF-8 ALL", "THREAD", "THREAD REFS", "THREAD REFS UTF-8",
            "THREAD FOO UTF-8 ALL", "THREAD RETURN (ALL) REFS UTF-8 ALL",
        ])
    func errors(_ line: String) {
        #expect(throws: SyntaxError.self) { try command(line) }
    }

    @Test(
        "pages: RFC 9394 §4",
        arguments: [
            (PartialRange(1, 3), 10, 0..<3), (PartialRange(3, 1), 10, 0..<3), (PartialRange(8, 99), 10, 7..<10),
            (PartialRange(11, 12), 10, 0..<0), (PartialRange(1, 3, isFromEnd: true), 10, 7..<10),
            (PartialRange(9, 99, isFromEnd: true), 10, 0..<2), (PartialRange(1, .max), 0, 0..<0),
            (PartialRange(.max, .max), 5, 0..<0),
        ])
    func pages(_ range: PartialRange, _ count: Int, _ expected: Range<Int>) {
        #expect(range.places(of: count) == expected)
    }

    @Test(
        "runs in an order: RFC 5267 §3.2",
        arguments: [([1], "1"), ([1, 2, 3], "1:3"), ([3, 2, 1], "3,2,1"), ([5, 1, 2, 9, 10, .max], "5,1:2,9:10,4294967295")] as [([UInt32], String)])
    func ordered(_ numbers: [UInt32], _ expected: String) {
        var output = ByteBuffer()
        output.writeOrdered(numbers)
        #expect(String(buffer: output) == expected)
    }

    @Test("threads in writing: RFC 5256 §5")
    func forest() {
        // (2)(3 6 (4 23)(44 7 96)), and a thread whose first message is missing.
        var forest = ThreadData()
        func add(_ number: UInt32, below parent: Int? = nil) -> Int {
            let node = forest.add(number)
            if let parent { forest.children[parent].append(node) } else { forest.roots.append(node) }
            return node
        }
        _ = add(2)
        let six = add(6, below: add(3))
        _ = add(23, below: add(4, below: six))
        _ = add(96, below: add(7, below: add(44, below: six)))
        let missing = add(0)
        _ = add(170, below: missing)
        _ = add(180, below: add(179, below: missing))
        var output = ByteBuffer()
        output.writeThread(forest)
        #expect(String(buffer: output) == "* THREAD (2)(3 6 (4 23)(44 7 96))((170)(179 180))\r\n")
    }
}

@Suite struct MultiSearchTests {
    @Test(
        "scopes: RFC 7377 §4, RFC 5465 §8",
        arguments: [
            ("", [.selected]), ("IN (selected) ", [.selected]), ("in (INBOXES Personal subscribed) ", [.inboxes, .personal, .subscribed]),
            ("IN (subtree a) ", [.subtree([MailboxArgument("a")])]),
            (
                "IN (subtree-one (a \"b c\") mailboxes {1}\r\nd) ",
                [.subtreeOne([MailboxArgument("a"), MailboxArgument("b c")]), .mailboxes([MailboxArgument("d")])]
            ),
            ("IN (mailboxes &APw-) ", [.mailboxes([MailboxArgument("ü")])]),
        ] as [(String, [MailboxScope])])
    func scopes(_ text: String, _ expected: [MailboxScope]) throws {
        let search = SearchArguments(returns: [.min, .count], key: .flag(.seen))
        #expect(try command("ESEARCH \(text)RETURN (MIN COUNT) SEEN") == .multiSearch(MultiSearchArguments(expected, search)))
    }

    @Test(
        "what it cannot be",
        arguments: [
            "ESEARCH", "ESEARCH IN ALL", "ESEARCH IN () ALL", "ESEARCH IN (foo) ALL", "ESEARCH IN (subtree) ALL", "ESEARCH IN (subtree ()) ALL",
            "ESEARCH IN (personal) RETURN (SAVE) ALL", "ESEARCH IN (personal", "ESEARCH IN (personal)", "ESEARCH RETURN (ALL) IN (personal) ALL",
        ])
    func errors(_ line: String) {
        #expect(throws: SyntaxError.self) { try command(line) }
    }
}
