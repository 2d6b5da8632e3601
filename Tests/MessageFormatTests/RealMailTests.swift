import MessageFormat
import NIOCore
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// The public messages that lie beside the project, where they do (`MARTLET_TEST_MAIL` names another folder).
enum RealMail {
    static let folders: [String] = {
        let named = getenv("MARTLET_TEST_MAIL").map { [String(cString: $0)] } ?? []
        let package = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
            separator: "/")
        return named + [package + "/../shared/data/mail-lkml", "../shared/data/mail-lkml"]
    }()

    static let files: [String] = {
        for folder in folders {
            guard let directory = opendir(folder) else { continue }
            defer { closedir(directory) }
            var names: [String] = []
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name.hasSuffix(".eml") { names.append(folder + "/" + name) }
            }
            if !names.isEmpty { return names.sorted() }
        }
        return []
    }()

    static func octets(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var octets: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&room, 1, room.count, file), count > 0 { octets += room[..<count] }
        return octets
    }
}

/// A splitter that shares nothing with the parser: whole lines, strings, recursion, as the RFC reads.
struct NaiveSplitter {
    let octets: [UInt8]

    struct Node: Equatable {
        var header: Range<Int>
        var body: Range<Int>
        var children: [Node]
    }

    init(_ octets: [UInt8]) { self.octets = octets }

    func lines(_ range: Range<Int>) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = range.lowerBound
        for index in range where octets[index] == 10 {
            lines.append(start..<index + 1)
            start = index + 1
        }
        if start < range.upperBound { lines.append(start..<range.upperBound) }
        return lines
    }

    func text(_ range: Range<Int>) -> String {
        var text = String(String.UnicodeScalarView(octets[range].map { Unicode.Scalar($0) }))
        while let last = text.unicodeScalars.last, last == "\n" || last == "\r" { text.unicodeScalars.removeLast() }
        return text
    }

    func node(_ range: Range<Int>) -> Node {
        var end = range.upperBound
        var field = ""
        for line in lines(range) {
            let content = text(line)
            if content.isEmpty {
                end = line.upperBound
                break
            }
            if !content.hasPrefix(" "), !content.hasPrefix("\t") { field += "\n" }
            field += content
        }
        let header = range.lowerBound..<end
        let type =
            field.split(separator: "\n").first { $0.lowercased().hasPrefix("content-type:") }.map(String.init) ?? ""
        let body = end..<range.upperBound
        guard type.lowercased().contains("multipart/"), let boundary = boundary(type) else {
            let isMessage = type.lowercased().contains("message/rfc822")
            return Node(header: header, body: body, children: isMessage ? [node(body)] : [])
        }
        return Node(header: header, body: body, children: parts(body, boundary))
    }

    func boundary(_ type: String) -> String? {
        guard let found = type.lowercased().range(of: "boundary=") else { return nil }
        let distance = type.lowercased().distance(from: type.startIndex, to: found.upperBound)
        let rest = type.dropFirst(distance)
        if rest.hasPrefix("\"") { return String(rest.dropFirst().prefix { $0 != "\"" }) }
        return String(rest.prefix { $0 != ";" && $0 != " " && $0 != "\t" })
    }

    func parts(_ body: Range<Int>, _ boundary: String) -> [Node] {
        var starts: [Int] = []
        var ends: [Int] = []
        for line in lines(body) {
            guard octets[line.lowerBound] == 45 else { continue }
            let content = text(line)
            guard content.hasPrefix("--" + boundary) else { continue }
            if !starts.isEmpty { ends.append(lineEndBefore(line.lowerBound)) }
            if content.hasPrefix("--" + boundary + "--") { break }
            starts.append(line.upperBound)
        }
        if ends.count < starts.count { ends.append(body.upperBound) }
        return zip(starts, ends).map { start, end in node(start..<max(start, end)) }
    }

    func lineEndBefore(_ offset: Int) -> Int {
        offset >= 2 && octets[offset - 2] == 13 ? offset - 2 : offset - 1
    }
}

extension Part {
    var asNode: NaiveSplitter.Node {
        let parts = embedded.map { [$0.root] } ?? children
        return NaiveSplitter.Node(header: headerRange, body: bodyRange, children: parts.map(\.asNode))
    }
}

extension String {
    fileprivate func range(of other: String) -> Range<String.Index>? { firstRange(of: other) }
}

@Suite struct RealMailTests {
    @Test(
        "real messages are split where an independent splitter splits them, with LF and with CRLF",
        .enabled(if: !RealMail.files.isEmpty, "no mail-lkml folder beside the project"), arguments: RealMail.files)
    func splits(path: String) {
        let stored = RealMail.octets(path)
        let sent = stored.flatMap { $0 == 10 ? [13, 10] : [$0] }
        for octets in [stored, sent] {
            let bytes = ByteBuffer(bytes: octets)
            let outline = scan(bytes, pieces: octets.count)
            #expect(outline == scan(bytes, pieces: octets.count == stored.count ? 3 : 1_000))
            #expect(outline.root.asNode == NaiveSplitter(octets).node(0..<octets.count))
            #expect((try? MessageOutline(decoding: outline.encode())) == outline)
            #expect(outline.lineCount == octets.count { $0 == 10 })
            #expect(outline.messageID != nil && outline.sentDate != nil && !outline.envelope.from.isEmpty)
            #expect(!outline.preview.isEmpty)
        }
    }
}
