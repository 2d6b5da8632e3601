package import MailModel
package import MessageFormat

/// Where in a message a text is looked for.
package struct SearchZones: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The top header: a line for each field.
    package static let header = SearchZones(rawValue: 1)
    /// `SearchableText`.
    package static let body = SearchZones(rawValue: 2)
}

package struct SearchQuestion: Hashable, Sendable {
    package let needle: SearchNeedle
    package let zones: SearchZones

    package init(_ needle: SearchNeedle, in zones: SearchZones) {
        self.needle = needle
        self.zones = zones
    }
}

package struct FuzzyQuestion: Hashable, Sendable {
    package let needle: FuzzyNeedle
    package let zones: SearchZones

    package init(_ needle: FuzzyNeedle, in zones: SearchZones) {
        self.needle = needle
        self.zones = zones
    }
}

/// Bodies in order, each once.
package struct BodySet: Sendable {
    package let bodies: ContiguousArray<BodyID>

    /// In any order, repeated or not.
    package init(_ bodies: ContiguousArray<BodyID> = []) {
        var isRising = true
        for index in bodies.indices.dropFirst() where bodies[index - 1].rawValue >= bodies[index].rawValue {
            isRising = false
            break
        }
        guard !isRising else {
            self.bodies = bodies
            return
        }
        var sorted = bodies
        sorted.sort { $0.rawValue < $1.rawValue }
        var kept = ContiguousArray<BodyID>()
        kept.reserveCapacity(sorted.count)
        for body in sorted where kept.last != body { kept.append(body) }
        self.bodies = kept
    }

    /// O(log n).
    package func contains(_ body: BodyID) -> Bool {
        var low = 0
        var high = bodies.count
        while low < high {
            let middle = (low + high) / 2
            if bodies[middle].rawValue < body.rawValue { low = middle + 1 } else { high = middle }
        }
        return low < bodies.count && bodies[low] == body
    }
}

/// What an index says; of bodies that are not in `known` it says nothing.
package struct SearchFindings: Sendable {
    package struct Matches: Sendable {
        /// They hold the needle.
        package var certain = BodySet()
        /// They may hold it; their texts decide.
        package var possible = BodySet()

        package init(certain: BodySet = BodySet(), possible: BodySet = BodySet()) {
            self.certain = certain
            self.possible = possible
        }
    }

    package var known = BodySet()
    package var answers: [SearchQuestion: Matches] = [:]
    /// 1...100 of bodies that have every word of the needle, or one like it.
    package var scores: [FuzzyQuestion: [BodyID: UInt8]] = [:]
    /// Bodies of whose words some are not known: their texts decide on scores.
    package var opaque = BodySet()

    package init() {}

    package init(known: BodySet, answers: [SearchQuestion: Matches]) {
        self.known = known
        self.answers = answers
    }

    /// 0: the body is not meant. Nil: its texts decide.
    package func score(_ question: FuzzyQuestion, _ body: BodyID) -> UInt8? {
        guard let scores = scores[question], known.contains(body), !opaque.contains(body) else { return nil }
        return scores[body] ?? 0
    }

    /// Nil: the body's texts decide.
    package func holds(_ question: SearchQuestion, _ body: BodyID) -> Bool? {
        guard let answer = answers[question] else { return nil }
        if answer.certain.contains(body) { return true }
        if answer.possible.contains(body) { return nil }
        return known.contains(body) ? false : nil
    }
}

/// An index of the words of an account's bodies, kept behind their arrival: what it says is what the texts say, and of what it has not
/// got to yet it says nothing.
package protocol SearchIndex: Sendable {
    /// Does not wait for what is being indexed. Questions that it has no answer to are missing in the findings.
    func search(_ questions: Set<SearchQuestion>, fuzzy: Set<FuzzyQuestion>, among account: AccountID) async throws -> SearchFindings
}

extension SearchIndex {
    package func search(_ questions: Set<SearchQuestion>, among account: AccountID) async throws -> SearchFindings {
        try await search(questions, fuzzy: [], among: account)
    }
}
