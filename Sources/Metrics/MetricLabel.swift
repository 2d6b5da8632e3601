/// What tells the members of a family of metrics apart: one of a few values that are known when the program is built. Nothing that a peer sends is one.
package protocol MetricLabel: CaseIterable, Hashable, Sendable {
    /// A word for each of the family's labels.
    var words: [String] { get }
}

extension MetricLabel {
    /// The case's own name.
    package var words: [String] { ["\(self)"] }
}

extension MetricLabel where Self: RawRepresentable<String> {
    package var words: [String] { [rawValue.lowercased()] }
}

/// For a family with two labels: all of the one with all of the other.
package struct LabelPair<First: MetricLabel, Second: MetricLabel>: MetricLabel {
    let first: First
    let second: Second

    package init(_ first: First, _ second: Second) {
        self.first = first
        self.second = second
    }

    package static var allCases: [LabelPair] { First.allCases.flatMap { first in Second.allCases.map { LabelPair(first, $0) } } }
    package var words: [String] { first.words + second.words }
}

/// A family's members by what tells them apart. To find one takes a tenth of a microsecond: who counts with every command keeps what it needs.
package struct Labelled<Label: MetricLabel, Instrument: Sendable>: Sendable {
    private let members: [Label: Instrument]
    /// For a value that `allCases` does not have: nobody reads it.
    private let stray: Instrument

    init(_ make: () -> Instrument) {
        members = Dictionary(Label.allCases.map { ($0, make()) }, uniquingKeysWith: { first, _ in first })
        stray = make()
    }

    package subscript(_ label: Label) -> Instrument { members[label] ?? stray }
}
