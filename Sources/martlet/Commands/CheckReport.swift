import MailModel

/// What a judge has found, and how it came about.
struct CheckReport: Encodable, Sendable {
    struct Finding: Encodable, Sendable {
        /// Which judge: `spf`.
        let method: String
        /// Its word: `pass`.
        let result: String
        /// What it was about, in order, by the names that `Authentication-Results` has for it where it has some.
        let properties: [Property]
        /// Why, in one line.
        let reason: String?
    }

    struct Property: Encodable, Sendable {
        let name: String
        let value: String
    }

    struct Step: Encodable, Sendable {
        /// 0, or how far it lies within others.
        let depth: Int
        let text: String
    }

    let findings: [Finding]
    let steps: [Step]

    /// Some of it could not be asked for.
    var isUnanswered: Bool { findings.contains { $0.result == "temperror" } }

    var text: String {
        var lines: [String] = []
        for finding in findings {
            lines.append("\(finding.method): \(finding.result)" + (finding.reason.map { " (\($0))" } ?? ""))
            lines += finding.properties.map { "  \($0.name): \($0.value)" }
        }
        if !steps.isEmpty { lines += ["", "Steps:"] }
        lines += steps.map { String(repeating: "  ", count: $0.depth + 1) + $0.text }
        return lines.map { CheckReport.cleaned($0) }.joined(separator: "\n")
    }

    /// Records are other people's words: what could move a cursor or turn a line is left out; what is long stays.
    private static func cleaned(_ line: String) -> String {
        String(
            String.UnicodeScalarView(
                line.unicodeScalars.map { scalar in
                    if scalar == "\t" { return " " }
                    return switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: "?"
                    default: scalar
                    }
                }))
    }
}

extension CheckReport.Finding {
    /// Properties without a value are left out.
    init(_ method: String, _ result: String, _ properties: KeyValuePairs<String, String?>, reason: String? = nil) {
        self.init(
            method: method, result: result, properties: properties.compactMap { name, value in value.map { CheckReport.Property(name: name, value: $0) } },
            reason: reason)
    }
}
