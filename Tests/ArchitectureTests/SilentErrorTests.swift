import Foundation
import Testing

/// An unknown error is never "nothing there" and never "allowed". Whoever throws one away says in a comment why that is no lie: `// try?: …` or `// catch: …`,
/// beside it or right above.
@Suite("Errors that are thrown away")
struct SilentErrorTests {
    /// Where there is nothing that could fail but the bytes themselves.
    private static func isPure(_ path: String) -> Bool {
        path.contains("/Grammar/") || path.hasPrefix("Sources/MailModel/") || path.hasPrefix("Sources/MessageFormat/")
    }

    /// Forms that need no reason: ends of transactions that are over, pauses, values made of text, results that are passed over in so many words.
    private static let forms = [
        #"try\? (\w+\.)*(execute|run)\("(ROLLBACK|COMMIT|BEGIN IMMEDIATE)"\)"#, #"try\? await Task\.sleep\("#, #"^\s*_ = try\? "#,
        #"try\? (AccountName|UserName|CommandLine|MessageNumber|TopArguments)\("#,
    ]

    /// Others that were looked at: the file, what stands there, and why it is no lie.
    private static let reviewed: [(file: String, code: String, reason: String)] = [
        ("SQLiteStore/Loading.swift", "try? Seal.open(", "octets that do not open are another key's, and that is said"),
        ("SQLiteStore/Search/FreshBody.swift", "try? reader.open(", "what cannot be read here is looked up again, where its fault is told"),
        ("SQLiteStore/Search/FreshBody.swift", "try? texts(", "the same"),
        ("SQLiteStore/Search/SegmentBuilder.swift", "try? file.remove(", "a segment that is not ready is removed at the next start"),
    ]

    /// Lines of a file that throw an error away without a reason.
    static func silent(_ path: String, _ text: String) -> [Int] {
        guard !isPure(path) else { return [] }
        let lines = text.components(separatedBy: "\n")
        var found: [Int] = []
        for (index, line) in lines.enumerated() {
            let code = line.components(separatedBy: "//")[0]
            func isExplained(_ word: String) -> Bool { lines[max(0, index - 2)...min(index + 1, lines.count - 1)].contains { $0.contains("// \(word): ") } }
            if code.range(of: #"\btry\?"#, options: .regularExpression) != nil {
                let isForm = forms.contains { code.range(of: $0, options: .regularExpression) != nil }
                let isReviewed = reviewed.contains { path.hasSuffix($0.file) && code.contains($0.code) }
                let hasFallback = code.range(of: #"\(try\? .*\)\s*\?\?"#, options: .regularExpression) != nil
                if hasFallback || !(isForm || isReviewed || isExplained("try?")) { found.append(index + 1) }
            }
            // Every error, and then nothing, or yes.
            let rest = ([code] + lines[(index + 1)...].prefix(2).map { $0.components(separatedBy: "//")[0] }).joined(separator: " ")
            let silence = #"^[^{]*\bcatch \{\s*(return( (nil|true|\[\]|\[:\]|\.all))?|continue|break)?\s*\}"#
            if code.contains("catch {"), rest.range(of: silence, options: .regularExpression) != nil || isShort(code), !isExplained("catch") {
                found.append(index + 1)
            }
        }
        return found
    }

    private static func isShort(_ code: String) -> Bool {
        code.range(of: #"\bcatch \{\s*(return( (nil|true|\[\]|\[:\]|\.all))?|continue|break)?\s*\}"#, options: .regularExpression) != nil
    }

    @Test("none without a reason that stands beside it")
    func reasons() throws {
        let tree = try SourceTree.here.get()
        for file in tree.sources {
            let text = try String(contentsOf: SourceTree.root.appending(path: file.path), encoding: .utf8)
            for line in Self.silent(file.path, text) { Issue.record("\(file.path):\(line): say why this error may be thrown away, or throw it") }
        }
    }

    @Test("what was reviewed is still there")
    func reviews() throws {
        for (file, code, _) in Self.reviewed {
            let text = try String(contentsOf: SourceTree.root.appending(path: "Sources/" + file), encoding: .utf8)
            #expect(text.contains(code), "\(file): \(code)")
        }
    }

    @Test(
        "the rule finds what it forbids",
        arguments: [
            "guard let list = try? store.accessList(of: id) else { return .all }", "return (try? distant.rows()) ?? []", "let open = try? store.open(id)",
            "do { return try rows() } catch { return nil }", "} catch {\n    return []\n}", "} catch {\n}", "let x = (try? AccountName(a)) ?? b",
            "for id in ids { do { try look(id) } catch { continue } }",
        ])
    func forbidden(code: String) { #expect(Self.silent("Sources/PostOffice/A.swift", code) == [1]) }

    @Test(
        "and lets be what says why, or needs no reason",
        arguments: [
            "let name = try? AccountName(text)", "defer { try? connection.execute(\"COMMIT\") }", "_ = try? connection.checkpoint(truncate: true)",
            "// try?: the answer is nobody's business.\ntry? link.write(a)", "try? await Task.sleep(for: delay)", "// try? is not for this",
            "mutating func adopt(_ entry: MailboxEntry?) {", "case let entry?: break",
            "do { return try rows() } catch { return nil } // catch: who asks again is told.", "} catch {\n    throw Fault(error)\n}",
            "} catch StorageFault.noSuchMailbox {\n    return nil\n}",
        ])
    func allowed(code: String) { #expect(Self.silent("Sources/PostOffice/A.swift", code) == []) }
}
