import Crypto
import MailModel
import MessageFormat
import Storage

/// How like the words of some bodies are to those of fuzzy questions, as far as was looked (RFC 6203 §3).
struct FuzzyTally {
    let questions: [FuzzyQuestion]
    /// By question, word of its needle and ordinal.
    private var best: [[[UInt8]]]

    init(_ questions: [FuzzyQuestion], bodies: Int) {
        self.questions = questions
        best = questions.map { $0.needle.words.map { _ in [UInt8](repeating: 0, count: bodies) } }
    }

    /// Of each word of a list that is like one of a question's: the list's number of it, the question, its word, the likeness.
    struct Likeness {
        let word: Int
        let question: Int
        let number: Int
        let likeness: UInt8
    }

    func alike(in list: [UInt8]) -> [Likeness] {
        var found: [Likeness] = []
        list.withUnsafeBytes { list in
            var start = 1
            var word = 0
            while start < list.count, let end = WordList.end(of: start, in: list) {
                let octets = UnsafeRawBufferPointer(rebasing: list[start..<end])
                for (question, asked) in questions.enumerated() {
                    for number in asked.needle.words.indices {
                        let likeness = asked.needle.likeness(number, to: octets)
                        if likeness > 0 { found.append(Likeness(word: word, question: question, number: number, likeness: likeness)) }
                    }
                }
                start = end + 1
                word += 1
            }
        }
        return found
    }

    mutating func note(_ likeness: Likeness, _ ordinal: Int, _ zones: UInt8) {
        guard questions[likeness.question].zones.rawValue & zones != 0, ordinal < best[likeness.question][likeness.number].count else { return }
        best[likeness.question][likeness.number][ordinal] = max(best[likeness.question][likeness.number][ordinal], likeness.likeness)
    }

    /// Adds the scores of bodies that have every word of a needle, or one like it.
    func conclude(_ bodies: ContiguousArray<BodyID>, into scores: inout [FuzzyQuestion: [BodyID: UInt8]]) {
        for (index, question) in questions.enumerated() {
            var own = scores[question] ?? [:]
            for ordinal in bodies.indices {
                let score = question.needle.score(best[index].lazy.map { $0[ordinal] })
                if score > 0 { own[bodies[ordinal]] = score }
            }
            scores[question] = own
        }
    }
}

extension WordList {
    /// Where the line feed behind the word is that begins at `start`.
    static func end(of start: Int, in list: UnsafeRawBufferPointer) -> Int? {
        var index = start
        while index < list.count {
            if list[index] == 0x0A { return index }
            index += 1
        }
        return nil
    }
}
