/// What tells the members of a family of metrics apart: one of a few values that are known when the program is built. Nothing that a peer sends is one.
///
/// One whose raw values are 0, 1, … in the order of its cases is found at once, any other by a walk along them.
package protocol MetricLabel: CaseIterable, Hashable, Sendable {
    /// A word for each of the family's labels.
    var words: [String] { get }
    /// Where it stands among all cases.
    var place: Int { get }
}

extension MetricLabel {
    /// The case's own name.
    package var words: [String] { ["\(self)"] }
    package var place: Int { Self.allCases.enumerated().first { $0.element == self }?.offset ?? -1 }
}

extension MetricLabel where Self: RawRepresentable<String> {
    package var words: [String] { [rawValue.lowercased()] }
}

extension MetricLabel where Self: RawRepresentable<Int> {
    @inlinable package var place: Int { rawValue }
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
    package var place: Int { first.place * Second.allCases.count + second.place }
}

/// A family's members by what tells them apart.
package struct Labelled<Label: MetricLabel, Instrument: Sendable>: Sendable {
    @usableFromInline let members: [Instrument]
    /// For a value that stands nowhere: nobody reads it.
    @usableFromInline let stray: Instrument

    init(_ make: () -> Instrument) {
        members = Label.allCases.map { _ in make() }
        stray = make()
    }

    @inlinable package subscript(_ label: Label) -> Instrument {
        let place = label.place
        return members.indices.contains(place) ? members[place] : stray
    }
}
