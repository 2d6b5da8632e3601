import Crypto
import Glibc
import MailModel
import MessageFormat
import Storage

/// Answers questions from one account's words.
struct SearchQuery {
    private let questions: [SearchQuestion]
    private let fuzzy: [FuzzyQuestion]
    private var scores: [FuzzyQuestion: [BodyID: UInt8]] = [:]
    private var opaque = ContiguousArray<BodyID>()
    private var known = ContiguousArray<BodyID>()
    private var certain: [ContiguousArray<BodyID>]
    private var possible: [ContiguousArray<BodyID>]

    /// A query of more looks at texts for the rest.
    static let mostQuestions = 64

    init(_ questions: Set<SearchQuestion>, fuzzy: Set<FuzzyQuestion> = []) {
        self.fuzzy = Array(fuzzy.prefix(SearchQuery.mostQuestions))
        self.questions = Array(questions.prefix(SearchQuery.mostQuestions))
        certain = self.questions.map { _ in [] }
        possible = certain
    }

    var findings: SearchFindings {
        var answers: [SearchQuestion: SearchFindings.Matches] = [:]
        for (index, question) in questions.enumerated() {
            answers[question] = SearchFindings.Matches(certain: BodySet(certain[index]), possible: BodySet(possible[index]))
        }
        var findings = SearchFindings(known: BodySet(known), answers: answers)
        findings.scores = scores
        findings.opaque = BodySet(opaque)
        return findings
    }

    /// Where the words of each clause of each question are: a set of zones for each body.
    private struct Tally {
        var zones: [[[UInt8]]]

        init(_ questions: [SearchQuestion], bodies: Int) {
            zones = questions.map { $0.needle.clauses.map { _ in [UInt8](repeating: 0, count: bodies) } }
        }
    }

    mutating func look(in segment: SegmentRecord, of file: SearchFile, _ key: SymmetricKey, _ cache: SearchCache) throws {
        let head = try file.head(of: segment, key, in: cache)
        var tally = Tally(questions, bodies: head.bodies.count)
        var fuzzyTally = FuzzyTally(fuzzy, bodies: head.bodies.count)
        for block in 0..<segment.blocks {
            let words = try file.words(block, of: segment, key, in: cache)
            var postings: [UInt8]?
            let alike = fuzzy.isEmpty ? [] : fuzzyTally.alike(in: words)
            if !alike.isEmpty {
                let opened = try file.postings(block, of: segment, key)
                postings = opened
                var next = 0
                try Postings.forEach(of: alike.map(\.word).reduce(into: []) { if $0.last != $1 { $0.append($1) } }, in: opened) { word, ordinal, zones in
                    while next < alike.count, alike[next].word < word { next += 1 }
                    var index = next
                    while index < alike.count, alike[index].word == word {
                        fuzzyTally.note(alike[index], ordinal, zones)
                        index += 1
                    }
                }
            }
            for (number, question) in questions.enumerated() {
                for (place, clause) in question.needle.clauses.enumerated() where !clause.pattern.isEmpty {
                    let found = WordList.numbers(of: clause.pattern, in: words)
                    guard !found.isEmpty else { continue }
                    let opened = try postings ?? file.postings(block, of: segment, key)
                    postings = opened
                    try Postings.forEach(of: found, in: opened) { _, ordinal, zones in
                        if ordinal < head.bodies.count { tally.zones[number][place][ordinal] |= zones }
                    }
                }
            }
        }
        fuzzyTally.conclude(head.bodies, into: &scores)
        conclude(tally, head.bodies, head.traits)
    }

    mutating func look(in young: YoungWords) {
        guard !young.isEmpty else { return }
        var tally = Tally(questions, bodies: young.bodies.count)
        look(for: fuzzy, in: young)
        for (number, question) in questions.enumerated() {
            for (place, clause) in question.needle.clauses.enumerated() where !clause.pattern.isEmpty {
                young.forEachWord(with: clause.pattern) { word in
                    young.forEachPosting(of: word) { tally.zones[number][place][$0] |= $1 }
                }
            }
        }
        conclude(tally, young.bodies, young.traits.enumerated().compactMap { $1 == 0 ? nil : SegmentHead.Trait(ordinal: $0, bits: $1) })
    }

    private mutating func look(for fuzzy: [FuzzyQuestion], in young: YoungWords) {
        guard !fuzzy.isEmpty else { return }
        var tally = FuzzyTally(fuzzy, bodies: young.bodies.count)
        for likeness in tally.alike(in: young.list) {
            young.forEachPosting(of: likeness.word) { tally.note(likeness, $0, $1) }
        }
        tally.conclude(young.bodies, into: &scores)
    }

    private mutating func conclude(_ tally: Tally, _ bodies: ContiguousArray<BodyID>, _ traits: [SegmentHead.Trait]) {
        known.append(contentsOf: bodies)
        for trait in traits where trait.bits & BodyTrait.opaque != 0 { opaque.append(bodies[trait.ordinal]) }
        for (number, question) in questions.enumerated() {
            let needle = question.needle
            let wanted = question.zones.rawValue
            var zones = [UInt8](repeating: wanted, count: bodies.count)
            for (place, clause) in needle.clauses.enumerated() {
                var own = tally.zones[number][place]
                if clause.mayBeLong, !needle.isOneWord { for trait in traits { own[trait.ordinal] |= trait.bits & 3 } }
                for ordinal in zones.indices { zones[ordinal] &= own[ordinal] }
            }
            let isCertain = needle.isOneWord || needle.isEmpty
            for trait in traits where !isCertain || zones[trait.ordinal] == 0 {
                let isHidden = needle.isOneWord && needle.clauses[0].mayBeLong && trait.bits & wanted & 3 != 0
                if trait.bits & BodyTrait.opaque != 0 || isHidden {
                    possible[number].append(bodies[trait.ordinal])
                    zones[trait.ordinal] = 0
                }
            }
            for ordinal in zones.indices where zones[ordinal] != 0 {
                if isCertain { certain[number].append(bodies[ordinal]) } else { possible[number].append(bodies[ordinal]) }
            }
        }
    }
}

extension YoungWords {
    /// Calls `visit` with the number of each word that holds a pattern.
    func forEachWord(with pattern: [UInt8], _ visit: (Int) -> Void) {
        WordList.forEach(pattern, in: list) { start in
            var low = 0
            var high = starts.count
            while low < high {
                let middle = (low + high) / 2
                if Int(starts[middle]) <= start { low = middle + 1 } else { high = middle }
            }
            if low > 0 { visit(low - 1) }
        }
    }
}

extension WordList {
    /// Calls `visit` with a place in each word that holds a pattern.
    static func forEach(_ pattern: [UInt8], in list: [UInt8], _ visit: (Int) -> Void) {
        let isAnchored = pattern.first == 0x0A
        list.withUnsafeBytes { list in
            pattern.withUnsafeBytes { pattern in
                var from = 0
                while let found = find(pattern, in: list, from: from) {
                    let place = isAnchored ? found + 1 : found
                    visit(place)
                    // On with the line feed behind the word.
                    guard let origin = list.baseAddress, place < list.count, let end = memchr(origin + place, 0x0A, list.count - place) else { return }
                    from = UnsafeRawPointer(end) - origin
                }
            }
        }
    }

    /// The numbers of the words in a list that hold a pattern, rising.
    static func numbers(of pattern: [UInt8], in list: [UInt8]) -> [Int] {
        var numbers: [Int] = []
        var number = -1
        var counted = 0
        forEach(pattern, in: list) { place in
            while counted < place {
                if list[counted] == 0x0A { number += 1 }
                counted += 1
            }
            numbers.append(number)
        }
        return numbers
    }
}
