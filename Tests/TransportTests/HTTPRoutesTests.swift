import Conversation
import Testing

@Suite("Routes, targets and fields")
struct HTTPRoutesTests {
    private func table(_ paths: (String, String)...) -> HTTPRoutes {
        HTTPRoutes(paths.map { method, path in HTTPRoute(method, path, .now { _ in HTTPReply(200, text: path) }) })
    }

    private func found(_ table: HTTPRoutes, _ method: String, _ target: String) throws -> String {
        switch table.find(method, try RequestTarget(target).segments) {
        case .found(let route, let captures): ([route.path] + captures).joined(separator: " ")
        case .otherMethods(let methods): "only " + methods.joined(separator: " ")
        case .nothing: "nothing"
        }
    }

    @Test(
        "what is literal goes before what is any, that before the rest",
        arguments: [
            ("GET", "/", "/"), ("GET", "/a", "/a"), ("GET", "/a/", "nothing"), ("GET", "/a/b", "/a/{x} b"), ("GET", "/a/fixed", "/a/fixed"),
            ("GET", "/a/b/c", "nothing"), ("GET", "/a/b/end", "/a/{x}/end b"), ("GET", "/a/fixed/end", "/a/{x}/end fixed"),
            ("GET", "/rest", "/rest/{all...} "), ("GET", "/rest/1/2/", "/rest/{all...} 1/2/"), ("POST", "/a", "only GET HEAD"),
            ("HEAD", "/a", "/a"), ("PUT", "/a/b", "only DELETE GET HEAD"), ("DELETE", "/a/fixed", "/a/{x} fixed"), ("GET", "/nowhere", "nothing"),
            ("GET", "/A", "nothing"),
        ])
    func finds(method: String, target: String, expected: String) throws {
        let table = table(
            ("GET", "/"), ("GET", "/a"), ("GET", "/a/fixed"), ("GET", "/a/{x}"), ("DELETE", "/a/{x}"), ("GET", "/a/{x}/end"), ("GET", "/rest/{all...}"))
        #expect(try found(table, method, target) == expected)
    }

    @Test(
        "a route that does not look at case is found however it is spelled, behind one that does",
        arguments: [
            ("/auto/File.xml", "/Auto/File.xml"), ("/AUTO/FILE.XML", "/Auto/File.xml"), ("/auto/file.xml", "/auto/file.xml"), ("/auto/file", "nothing"),
            ("/auto/FILE.xml/x", "nothing"), ("/Auto/other", "/{any}/other Auto"), ("/AUTO", "nothing"),
        ])
    func caseless(target: String, expected: String) throws {
        let answer = HTTPRoute.Answer.now { _ in HTTPReply(200) }
        let table = HTTPRoutes([
            HTTPRoute("GET", "/Auto/File.xml", ignoresCase: true, answer), HTTPRoute("GET", "/auto/file.xml", answer), HTTPRoute("GET", "/{any}/other", answer),
        ])
        #expect(try found(table, "GET", target) == expected)
    }

    @Test("the methods of all paths together, with those that the engine itself answers")
    func methods() {
        #expect(table(("POST", "/a"), ("GET", "/b"), ("GET", "/c")).methods == ["GET", "HEAD", "OPTIONS", "POST"])
        #expect(table(("POST", "/a")).methods == ["OPTIONS", "POST"])
        #expect(RequestTarget.server.isServer && RequestTarget.server.segments.isEmpty)
    }

    @Test(
        "targets are decoded by the segment, and what climbs or hides is refused (S48, S53)",
        arguments: [
            ("/", []), ("/a/b", ["a", "b"]), ("/a%2Fb", ["a/b"]), ("/caf%C3%A9?x=%zz", ["café"]), ("/a+b", ["a+b"]), ("//", ["", ""]), ("/...", ["..."]),
        ] as [(String, [String])])
    func targets(text: String, segments: [String]) throws { #expect(try RequestTarget(text).segments == segments) }

    @Test(
        "bad targets",
        arguments: [
            ("/../etc/passwd", .traversal), ("/a/%2e%2E/b", .traversal), ("/.", .traversal), ("/a%00b", .null), ("/%", .malformed), ("/%4", .malformed),
            ("/%ff", .malformed), ("a", .malformed), ("", .malformed), ("/a b", .malformed), ("/a#b", .malformed), ("/ä", .malformed), ("*", .malformed),
        ] as [(String, RequestTarget.Fault)])
    func badTargets(text: String, fault: RequestTarget.Fault) { #expect(throws: fault) { try RequestTarget(text) } }

    @Test("a query's pairs are decoded; no more than 257 are looked at")
    func queries() throws {
        let pairs = try RequestTarget("/?a=1&b=x+y%26&c&=d").parameters()
        #expect(pairs.map(\.name) == ["a", "b", "c", ""])
        #expect(pairs.map(\.value) == ["1", "x y&", "", "d"])
        #expect(try RequestTarget("/?" + String(repeating: "a=1&", count: 10_000)).parameters().count == 257)
        #expect(throws: RequestTarget.Fault.null) { try RequestTarget("/?a=%00").parameters() }
    }

    @Test("S69: a field's value cannot hold CR, LF or NUL, nor its name anything but a token", arguments: ["a\r\nb", "a\nb", "a\rb", "a\0b"])
    func fields(value: String) {
        var fields = HTTPFields()
        let isTaken = fields.add("X", value)
        let isNameTaken = fields.add(value, "x")
        #expect(!isTaken && !isNameTaken && fields.list.isEmpty)
    }

    @Test("names are the same in any case; a field that comes twice has no only value")
    func lookups() {
        var fields: HTTPFields = ["Content-Type": "a", "Vary": "A, b ,,C"]
        #expect(fields.only("content-type") == "a")
        fields.add("CONTENT-TYPE", "b")
        #expect(fields.only("content-type") == nil)
        #expect(fields.all("content-type") == ["a", "b"])
        #expect(fields.members("vary") == ["a", "b", "c"])
        fields.set("content-type", "c")
        #expect(fields.only("Content-Type") == "c")
    }
}
