/// How much a finding matters, the least first.
enum Severity: String, Codable, Comparable, Sendable, CaseIterable {
    case ok
    /// It cannot be seen from where the doctor looks; the remedy is how to look.
    case unseen
    /// It would be better otherwise.
    case advice
    /// Some mail, or somebody, will have trouble.
    case warning
    /// Mail does not come, does not go, or is in danger.
    case error

    static func < (a: Severity, b: Severity) -> Bool { a.rank < b.rank }

    private var rank: Int { Severity.allCases.firstIndex(of: self) ?? 0 }
}

/// What can be found. Its id never changes its meaning.
struct FindingKind: Hashable, Sendable {
    let id: String
    let severity: Severity
    /// One sentence, without particulars.
    let meaning: String

    init(_ id: String, _ severity: Severity, _ meaning: String) {
        self.id = id
        self.severity = severity
        self.meaning = meaning
    }
}

/// What was found.
struct Finding: Hashable, Sendable {
    let kind: FindingKind
    /// What it is of: a name, an address, a path. What strangers wrote in it does nothing to a terminal.
    let subject: String
    /// What is wrong, in one sentence without its full stop.
    let problem: String
    /// The fix; of what is unseen, how to look.
    let remedy: String

    init(_ kind: FindingKind, _ subject: String, _ problem: String, fix remedy: String) {
        self.kind = kind
        self.subject = Finding.cleaned(subject)
        self.problem = Finding.cleaned(problem)
        self.remedy = Finding.cleaned(remedy)
    }

    private static func cleaned(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(1_000).map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: "?"
                    default: scalar
                    }
                }))
    }
}
