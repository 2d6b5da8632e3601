import Foundation
import Rehearsal
import Yams

@testable import SenderTrust

/// The public validation suite that lies beside the project, where it does.
enum ValidationSuite {
    struct Case: Sendable, CustomStringConvertible {
        let name: String
        /// With CRLF.
        let message: String
        let result: ARCVerdict.Result
        let texts: [String: String]

        var description: String { name }

        func resolver() throws -> NameTable {
            let names = NameTable()
            for (name, text) in texts { try names.setTexts(name, [text]) }
            return names
        }
    }

    static let cases: [Case] = {
        let package = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..").standardizedFileURL
        let file = package.appending(path: "../shared/data/arc/arc-draft-validation-tests.yml")
        // try?: the suite is not there, and its tests are skipped.
        guard let text = try? String(contentsOf: file, encoding: .utf8),
            let documents = try? Yams.load_all(yaml: distinct(text))
        else { return [] }
        var cases: [Case] = []
        for case let document as [String: Any] in documents {
            let texts = document["txt-records"] as? [String: String] ?? [:]
            for (name, value) in document["tests"] as? [String: [String: Any]] ?? [:] {
                let message = (value["message"] as? String ?? "").replacing("\n", with: "\r\n")
                // What the suite leaves empty are chains that a server has marked as failed (RFC 8617 §5.2, step 2).
                let result: ARCVerdict.Result =
                    switch value["cv"] as? String ?? "" {
                    case "None": .none
                    case "Pass": .pass
                    default: .fail
                    }
                cases.append(Case(name: name, message: message, result: result, texts: texts))
            }
        }
        return cases.sorted { $0.name < $1.name }
    }()

    /// Four names stand there twice, for other messages.
    private static func distinct(_ text: String) -> String {
        var seen: Set<Substring> = []
        var lines: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let isName = line.hasPrefix("  ") && !line.hasPrefix("   ") && line.hasSuffix(":")
            lines.append(isName && !seen.insert(line).inserted ? line.dropLast() + "_again:" : line)
        }
        return lines.joined(separator: "\n")
    }
}
