/// What the doctor says in the end.
struct DoctorReport: Encodable, Sendable {
    struct Line: Encodable, Sendable {
        let id: String
        let severity: Severity
        let subject: String
        let problem: String
        let remedy: String
    }

    struct Check: Encodable, Sendable {
        let name: String
        /// The worst that it found.
        let severity: Severity
    }

    /// The worst of all.
    let severity: Severity
    /// The worst first; then in the order of the checks.
    let findings: [Line]
    /// All that were made, in their order.
    let checks: [Check]

    init(_ outcomes: [(check: String, findings: [Finding])]) {
        checks = outcomes.map { Check(name: $0.check, severity: $0.findings.map(\.kind.severity).max() ?? .ok) }
        var seen: Set<Finding> = []
        let all = outcomes.flatMap(\.findings).filter { seen.insert($0).inserted }
        // Stable: within one severity the order of the checks stays.
        findings = Severity.allCases.reversed().flatMap { severity in
            all.filter { $0.kind.severity == severity }.map {
                Line(id: $0.kind.id, severity: severity, subject: $0.subject, problem: $0.problem, remedy: $0.remedy)
            }
        }
        severity = checks.map(\.severity).max() ?? .ok
    }

    /// 0: nothing worse than advice; 1: a warning; 2: an error.
    var exitCode: Int32 {
        switch severity {
        case .ok, .unseen, .advice: 0
        case .warning: 1
        case .error: 2
        }
    }

    /// For people.
    func text(isColoured: Bool) -> String {
        var lines: [String] = []
        for finding in findings {
            let word = DoctorReport.words[finding.severity] ?? finding.severity.rawValue
            let colour = isColoured ? DoctorReport.colours[finding.severity] : nil
            lines.append((colour.map { "\u{1B}[\($0)m\(word)\u{1B}[0m" } ?? word) + "  \(finding.subject): \(finding.problem)  [\(finding.id)]")
            lines.append("    " + (finding.severity == .unseen ? "look: " : "fix: ") + finding.remedy)
        }
        let good = checks.filter { $0.severity == .ok }.map(\.name)
        if !good.isEmpty { lines.append("ok  " + good.joined(separator: ", ")) }
        return lines.joined(separator: "\n")
    }

    private static let words: [Severity: String] = [.unseen: "cannot see"]
    private static let colours: [Severity: Int] = [.error: 31, .warning: 33, .advice: 36, .unseen: 2]
}

/// The list of all that can be found, as `docs/doctor.md` has it.
enum FindingReference {
    static let markdown =
        (["| id | severity | meaning |", "|---|---|---|"]
        + FindingKind.all.map { "| `\($0.id)` | \($0.severity == .unseen ? "cannot see" : $0.severity.rawValue) | \($0.meaning) |" }).joined(separator: "\n")
}
