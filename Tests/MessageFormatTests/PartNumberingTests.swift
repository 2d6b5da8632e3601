import MessageFormat
import NIOCore
import Testing

@Suite struct PartNumberingTests {
    /// The example of RFC 9051 §6.4.5.1.
    static let example = """
        Subject: example
        Content-Type: multipart/mixed; boundary=o

        --o
        Content-Type: text/plain

        1
        --o
        Content-Type: application/octet-stream

        2
        --o
        Content-Type: message/rfc822

        Subject: three
        Content-Type: multipart/mixed; boundary=i

        --i

        3.1
        --i
        Content-Type: application/octet-stream

        3.2
        --i--

        --o
        Content-Type: multipart/mixed; boundary=f

        --f
        Content-Type: image/gif

        4.1
        --f
        Content-Type: message/rfc822

        Subject: four two
        Content-Type: multipart/mixed; boundary=t

        --t

        4.2.1
        --t
        Content-Type: multipart/alternative; boundary=a

        --a

        4.2.2.1
        --a
        Content-Type: text/richtext

        4.2.2.2
        --a--
        --t--
        --f--
        --o--

        """

    static let outline = scan(lines: example)

    @Test(
        "every leaf lies under its numbers: RFC 9051 §6.4.5.1",
        arguments: [[1], [2], [3, 1], [3, 2], [4, 1], [4, 2, 1], [4, 2, 2, 1], [4, 2, 2, 2]])
    func leaves(path: [Int]) throws {
        let part = try #require(PartNumberingTests.outline.part(at: path))
        let text = message(PartNumberingTests.example).latin(part.bodyRange)
        #expect(text == path.map { String($0) }.joined(separator: "."))
    }

    @Test("parts of parts: RFC 9051 §6.4.5.1")
    func branches() {
        let outline = PartNumberingTests.outline
        #expect(outline.part(at: []) == outline.root)
        #expect(outline.part(at: [3])?.embedded?.envelope.subject == "three")
        #expect(outline.part(at: [4])?.mediaType == "multipart/mixed")
        #expect(outline.part(at: [4, 2])?.embedded?.envelope.subject == "four two")
        #expect(outline.part(at: [4, 2, 2])?.mediaType == "multipart/alternative")
    }

    @Test(
        "there is nothing at other numbers",
        arguments: [[0], [-1], [5], [1, 1], [2, 1], [3, 3], [3, 0], [4, 2, 3], [4, 2, 2, 3], [.max], [3, 1, 1]])
    func absent(path: [Int]) {
        #expect(PartNumberingTests.outline.part(at: path) == nil)
    }

    @Test("part 1 of a message that is no multipart is its body: RFC 9051 §6.4.5.1")
    func single() {
        let outline = scan(lines: "Subject: x\n\nbody")
        #expect(outline.part(at: [1]) == outline.root)
        #expect(outline.part(at: [2]) == nil && outline.part(at: [1, 1]) == nil)
        let forwarded = scan(lines: "Content-Type: message/rfc822\n\nSubject: in\n\nbody")
        #expect(forwarded.part(at: [1])?.embedded?.envelope.subject == "in")
        #expect(forwarded.part(at: [1, 1])?.mediaType == "text/plain")
        #expect(forwarded.part(at: [1, 1, 1]) == nil && forwarded.part(at: [1, 2]) == nil)
    }

    @Test("every part that is walked over is found again under its numbers")
    func walk() {
        var paths: [[Int]] = []
        PartNumberingTests.outline.forEachPart { path, part in
            paths.append(path)
            if case .leaf = part.content { #expect(PartNumberingTests.outline.part(at: path) == part) }
        }
        #expect(paths.count == 15)
    }
}
