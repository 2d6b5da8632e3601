import Foundation

/// A page of `docs/protocols`: its rows under "| RFC section | capability | what | file | status | transcript |".
struct ProtocolPage {
    struct Subject: Sendable, CustomStringConvertible {
        /// Of the page, and of the folder of transcripts.
        let name: String
        let module: String
        /// The sources of the table of capabilities, files or folders, and how an entry's name is found in them.
        let tables: [String]
        let entry: String

        var description: String { name }

        /// The sources of the table, one behind the other.
        func source() throws -> String {
            try SourceTree.here.get().sources.map(\.path).filter { path in tables.contains { path == $0 || path.hasPrefix($0 + "/") } }
                .map { try ProtocolPage.text($0) }.joined()
        }

        func capabilities() throws -> Set<String> {
            Set(ProtocolPage.matches(of: entry, in: try source()))
        }
    }

    struct Row: CustomStringConvertible {
        let line: Int
        /// `9051 §6.2.1`, or `4616` for all of a short RFC.
        let sections: [String]
        let capabilities: [String]
        let what: String
        let files: [String]
        let status: String
        let transcripts: [String]

        var description: String { "line \(line) (\(what))" }
    }

    let rows: [Row]
    /// What the head and the other comments of each transcript cite.
    let citations: [String: Set<String>]

    static let heading = "| RFC section | capability | what | file | status | transcript |"

    init(_ subject: Subject) throws {
        var isInTable = false
        var rows: [Row] = []
        for (index, line) in try ProtocolPage.text("docs/protocols/\(subject.name).md").components(separatedBy: "\n").enumerated() {
            if line == ProtocolPage.heading {
                isInTable = true
            } else if !line.hasPrefix("|") {
                isInTable = false
            } else if isInTable, !line.hasPrefix("|---") {
                rows.append(ProtocolPage.row(line, index + 1))
            }
        }
        self.rows = rows
        let folder = SourceTree.root.appending(path: "Tests/Transcripts/\(subject.name)")
        var citations: [String: Set<String>] = [:]
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path()) where file.hasSuffix(".txt") {
            let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
            citations[String(file.dropLast(4))] = ProtocolPage.citations(in: text)
        }
        self.citations = citations
    }

    private static func row(_ line: String, _ number: Int) -> Row {
        var cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        while cells.count < 6 { cells.append("") }
        func words(_ cell: String) -> [String] {
            cell.split { $0 == "," || $0 == " " }.map { $0.trimmingCharacters(in: CharacterSet(charactersIn: "`")) }
        }
        return Row(
            line: number, sections: sections(in: cells[0]), capabilities: words(cells[1]), what: cells[2], files: words(cells[3]),
            status: cells[4], transcripts: words(cells[5]))
    }

    /// `9051 §6.4.7, §6.4.8; 4315`: a section without a number before it is the last document's.
    static func sections(in cell: String) -> [String] {
        var sections: [String] = []
        var document = ""
        for word in cell.split(whereSeparator: { " ,;".contains($0) }).map(String.init) {
            if word.hasPrefix("§") {
                if sections.last == document { sections.removeLast() }
                sections.append("\(document) \(word)")
            } else {
                document = word
                sections.append(word)
            }
        }
        return sections
    }

    /// Documents and sections that comment lines cite.
    static func citations(in text: String) -> Set<String> {
        var found: Set<String> = []
        for line in text.components(separatedBy: "\n") where line.hasPrefix("# ") {
            var document: String?
            for word in matches(of: #"(RFC \d+|draft-[a-z0-9-]+|§[0-9A-Z]+(?:\.[0-9]+)*)"#, in: line) {
                if word.hasPrefix("§") {
                    if let document { found.insert("\(document) \(word)") }
                } else {
                    let name = word.hasPrefix("RFC ") ? String(word.dropFirst(4)) : word
                    document = name
                    found.insert(name)
                }
            }
        }
        return found
    }

    static func matches(of pattern: String, in text: String) -> [String] {
        guard let expression = try? NSRegularExpression(pattern: pattern) else { return [] }
        let whole = NSRange(text.startIndex..., in: text)
        return expression.matches(in: text, range: whole).compactMap { match in
            Range(match.range(at: 1), in: text).map { String(text[$0]) }
        }
    }

    static func text(_ path: String) throws -> String {
        try String(contentsOf: SourceTree.root.appending(path: path), encoding: .utf8)
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: SourceTree.root.appending(path: path).path())
    }
}
