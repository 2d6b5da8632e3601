import Conversation

/// Answers that may still be given, a bounded number of them: two generations, of which the elder is dropped when the younger is half of all. What is asked for
/// again moves to the younger one.
struct AnswerMemory<Question: Hashable & Sendable>: Sendable {
    typealias Outcome = Result<DNSAnswer<[UInt8]>, ResolverFault>

    private struct Entry {
        let outcome: Outcome
        let expiry: ContinuousClock.Instant
        let octets: Int
    }

    private struct Generation {
        var entries: [Question: Entry] = [:]
        var octets = 0
    }

    private var younger = Generation()
    private var elder = Generation()
    private let most: Int
    private let mostOctets: Int

    init(most: Int, mostOctets: Int) {
        self.most = most
        self.mostOctets = mostOctets
    }

    /// How many are held, those that have expired among them.
    var count: Int { younger.entries.count + elder.entries.count }

    /// With what is left of its TTL.
    mutating func outcome(of question: Question, at now: ContinuousClock.Instant) -> Outcome? {
        if let entry = younger.entries[question] { return AnswerMemory.remaining(entry, at: now) }
        guard let entry = elder.entries[question], entry.expiry > now else { return nil }
        keep(entry, of: question)
        return AnswerMemory.remaining(entry, at: now)
    }

    mutating func keep(_ outcome: Outcome, of question: Question, for seconds: Int, at now: ContinuousClock.Instant) {
        keep(Entry(outcome: outcome, expiry: now + .seconds(seconds), octets: AnswerMemory.octets(of: outcome)), of: question)
    }

    private mutating func keep(_ entry: Entry, of question: Question) {
        // It alone would drive out everything.
        guard entry.octets <= mostOctets / 4 else { return }
        if younger.entries.count >= most / 2 || younger.octets + entry.octets > mostOctets / 2 {
            elder = younger
            younger = Generation()
        }
        let former = younger.entries.updateValue(entry, forKey: question)
        younger.octets += entry.octets - (former?.octets ?? 0)
    }

    private static func remaining(_ entry: Entry, at now: ContinuousClock.Instant) -> Outcome? {
        guard entry.expiry > now else { return nil }
        return entry.outcome.map { $0.kept(for: Int((entry.expiry - now).components.seconds)) }
    }

    private static func octets(of outcome: Outcome) -> Int {
        switch outcome {
        case .success(let answer): answer.records.reduce(0) { $0 + $1.count }
        case .failure: 0
        }
    }
}
