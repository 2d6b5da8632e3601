import MailModel
import MessageFormat
import NIOCore
import Storage

// What is looked for approximately (RFC 6203).
extension SearchProgram {
    /// A text that is looked for approximately, and where.
    struct Alike: Hashable, Sendable {
        enum Place: Hashable, Sendable {
            case field(String)
            case body
            case text
        }

        let needle: FuzzyNeedle
        let place: Place

        var zones: SearchZones {
            switch place {
            case .field: .header
            case .body: .body
            case .text: [.header, .body]
            }
        }

        var question: FuzzyQuestion { FuzzyQuestion(needle, in: zones) }
    }
}

extension SearchFacts {
    /// 1...100; 0 when the message is not meant; nil while that is not known.
    func score(_ alike: SearchProgram.Alike) -> UInt8? {
        if let score = scores[alike] { return score }
        let known = findings.score(alike.question, message.row.body)
        guard case .field(let name) = alike.place else { return known }
        // The index knows of whole headers.
        if known == 0 { return 0 }
        guard let header else { return nil }
        var best = [UInt8](repeating: 0, count: alike.needle.words.count)
        _ = SearchableText.anyField(name, of: header) { value in
            alike.needle.score(in: value, &best)
            return false
        }
        return alike.needle.score(best)
    }
}

extension SearchProgram.Test {
    /// The average score of what is looked for approximately and is there; nil when nothing is.
    func relevancy(_ facts: SearchFacts) -> UInt8? {
        let scores = alikes.compactMap { facts.score($0) }.filter { $0 > 0 }
        guard !scores.isEmpty else { return nil }
        return UInt8(scores.reduce(0) { $0 + Int($1) } / scores.count)
    }

    /// But for what must not be there.
    var alikes: Set<SearchProgram.Alike> {
        switch self {
        case .alike(let alike): [alike]
        case .all(let tests): tests.reduce(into: []) { $0.formUnion($1.alikes) }
        case .either(let a, let b): a.alikes.union(b.alikes)
        default: []
        }
    }

    /// All of them.
    var allAlikes: Set<SearchProgram.Alike> {
        switch self {
        case .alike(let alike): [alike]
        case .all(let tests): tests.reduce(into: []) { $0.formUnion($1.allAlikes) }
        case .either(let a, let b): a.allAlikes.union(b.allAlikes)
        case .not(let test): test.allAlikes
        default: []
        }
    }
}
