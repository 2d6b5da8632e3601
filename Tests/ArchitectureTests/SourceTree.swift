import Foundation

/// The sources as text: what the rules of ARCHITECTURE.md are checked against.
struct SourceTree {
    struct File {
        /// From the project's folder: `Sources/SMTP/Grammar/Reply.swift`.
        let path: String
        /// Without comments and without what stands in string literals.
        let lines: [String]
        /// The words of each line: letters, digits and underscores.
        let words: [[Substring]]

        init(path: String, code: String) {
            self.path = path
            lines = code.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
                String($0) ?? ""
            }
            words = lines.map { line in
                line.utf8.split {
                    !($0 == 0x5F || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF) || $0 >= 0x80)
                }
                .compactMap { Substring($0) }
            }
        }

        var components: [Substring] { path.split(separator: "/") }
        /// The folder under Sources or Tests.
        var module: String { components.count > 2 ? String(components[1]) : "" }

        /// The modules it imports.
        var imports: Set<String> {
            Set(
                lines.compactMap { line in
                    let words = line.split(separator: " ")
                    guard let index = words.firstIndex(of: "import"), index < 4,
                        words[..<index].allSatisfy(isImportWord)
                    else { return nil }
                    let kinds: Set<Substring> = [
                        "struct", "class", "enum", "func", "protocol", "typealias", "var", "let",
                    ]
                    let name = words[(index + 1)...].first { !kinds.contains($0) } ?? ""
                    return name.split(separator: ".").first.map(String.init)
                })
        }

        /// Names of the types it declares, nested ones too.
        var types: [String] {
            words.flatMap { words -> [String] in
                words.indices.compactMap { index in
                    guard ["struct", "class", "enum", "actor", "protocol", "typealias"].contains(words[index]),
                        index + 1 < words.count,
                        words[index + 1].first?.isUppercase == true
                    else { return nil }
                    return String(words[index + 1])
                }
            }
        }

        private func isImportWord(_ word: Substring) -> Bool {
            ["package", "public", "internal", "private", "fileprivate"].contains(word) || word.hasPrefix("@")
        }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Read once for all rules.
    static let here = Result { try SourceTree() }

    let sources: [File]
    let tests: [File]

    init() throws {
        sources = try SourceTree.files(in: "Sources")
        tests = try SourceTree.files(in: "Tests")
    }

    private static func files(in folder: String) throws -> [File] {
        let top = root.appending(path: folder)
        guard let walker = FileManager.default.enumerator(atPath: top.path()) else {
            throw CocoaError(.fileReadNoSuchFile)
        }
        var files: [File] = []
        for case let name as String in walker where name.hasSuffix(".swift") {
            let text = try String(contentsOf: top.appending(path: name), encoding: .utf8)
            files.append(File(path: folder + "/" + name, code: code(of: text)))
        }
        return files.sorted { $0.path < $1.path }
    }

    /// The text without comments and without the insides of literals; line ends stay.
    static func code(of text: String) -> String {
        let bytes = Array(text.utf8)
        var code: [UInt8] = []
        code.reserveCapacity(bytes.count)
        let (quote, slash, star, backslash, end) = (
            UInt8(ascii: "\""), UInt8(ascii: "/"), UInt8(ascii: "*"), UInt8(ascii: "\\"), UInt8(ascii: "\n")
        )
        var place = Place.code
        var index = 0
        func follows(_ a: UInt8, _ b: UInt8) -> Bool {
            index + 1 < bytes.count && bytes[index] == a && bytes[index + 1] == b
        }
        func isLongQuote() -> Bool { follows(quote, quote) && index + 2 < bytes.count && bytes[index + 2] == quote }
        while index < bytes.count {
            let byte = bytes[index]
            if byte == end {
                code.append(end)
                if place == .lineComment || place == .string { place = .code }
                index += 1
                continue
            }
            switch place {
            case .lineComment: break
            case .blockComment where follows(star, slash):
                place = .code
                index += 1
            case .blockComment: break
            case .longString where isLongQuote():
                place = .code
                index += 2
            case .longString: break
            case .string where byte == backslash: index += 1
            case .string where byte == quote:
                code.append(quote)
                place = .code
            case .string: break
            case .code where follows(slash, slash): place = .lineComment
            case .code where follows(slash, star):
                place = .blockComment
                index += 1
            case .code where isLongQuote():
                place = .longString
                index += 2
            case .code:
                code.append(byte)
                if byte == quote { place = .string }
            }
            index += 1
        }
        return String(decoding: code, as: UTF8.self)
    }

    private enum Place { case code, lineComment, blockComment, string, longString }
}
