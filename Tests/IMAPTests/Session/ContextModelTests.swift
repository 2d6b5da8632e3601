import Rehearsal
import Testing

@testable import IMAP

/// A client that keeps the results of searches by what it is told (RFC 5267 §4.3), and nothing else.
private struct Keeper {
    let talk: Rehearsal<IMAPWorker>
    /// By tag.
    var results: [String: [Int]] = [:]
    let isOfNumbers: [String: Bool]

    mutating func send(_ line: String) async {
        let answer = await talk.send(line)
        for line in answer.split(separator: "\r\n") { learn(line) }
        #expect(answer.contains(" OK "), "\(line): \(answer)")
    }

    private mutating func learn(_ line: Substring) {
        let words = line.split(separator: " ")
        if words.count == 3, words[0] == "*", words[2] == "EXPUNGE", let number = Int(words[1]) {
            for (tag, known) in results where isOfNumbers[tag] == true {
                #expect(!known.contains(number), "what is expunged leaves before: RFC 5267 §4.3.4")
                results[tag] = known.map { $0 > number ? $0 - 1 : $0 }
            }
        }
        guard line.hasPrefix("* ESEARCH (TAG \"") else { return }
        let tag = String(line.dropFirst(16).prefix { $0 != "\"" })
        guard var known = results[tag] else { return }
        for part in ["REMOVEFROM", "ADDTO"] {
            guard let start = line.range(of: part + " (") else { continue }
            let pairs = line[start.upperBound...].prefix { $0 != ")" }.split(separator: " ")
            for index in stride(from: 0, to: pairs.count, by: 2) {
                apply(part == "ADDTO", Int(pairs[index]) ?? -1, Keeper.numbers(pairs[index + 1]), to: &known)
            }
        }
        results[tag] = known
    }

    private func apply(_ isAddition: Bool, _ position: Int, _ numbers: [Int], to known: inout [Int]) {
        switch (isAddition, position) {
        case (true, 0):
            #expect(known.allSatisfy { !numbers.contains($0) })
            known = (known + numbers).sorted()
        case (true, _):
            guard position <= known.count + 1 else { return #expect(Bool(false), "position \(position) of \(known.count)") }
            known.insert(contentsOf: numbers, at: position - 1)
        case (false, 0):
            #expect(numbers.allSatisfy { known.contains($0) })
            known.removeAll { numbers.contains($0) }
        case (false, _):
            for number in numbers {
                guard known.indices.contains(position - 1), known[position - 1] == number else {
                    return #expect(Bool(false), "\(number) is not at \(position) of \(known)")
                }
                known.remove(at: position - 1)
            }
        }
    }

    static func numbers(_ set: Substring) -> [Int] {
        set.split(separator: ",").flatMap { part -> [Int] in
            let ends = part.split(separator: ":").compactMap { Int($0) }
            return ends.count == 2 ? Array(ends[0]...ends[1]) : ends
        }
    }
}

@Suite("Contexts against searches")
struct ContextModelTests {
    private static let searches: [(tag: String, verb: String, rest: String, isOfNumbers: Bool)] = [
        ("c1", "SEARCH", "UNSEEN", true), ("c2", "UID SEARCH", "OR FLAGGED SUBJECT heron", false),
        ("c3", "UID SORT", "(REVERSE SUBJECT SIZE) UTF-8 UNDELETED", false), ("c4", "SORT", "(SIZE REVERSE ARRIVAL) UTF-8 NOT BODY feather", true),
        ("c5", "SORT", "(SUBJECT) UTF-8 OR SEEN KEYWORD red", true), ("c6", "UID SEARCH", "MODSEQ 5", false),
    ]

    @Test("a client that keeps what it is told has what a search finds: RFC 5267 §4.3", arguments: 0..<12)
    func model(seed: Int) async throws {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        func message() -> String {
            let subject = ["heron", "tea", "Re: heron", "zebra", "a"][random(5)]
            return "Subject: \(subject)\r\n\r\n\(["feather", "beak", "xx", "y"][random(4)])\r\n"
        }
        let house = try await House()
        for _ in 0..<random(8) { try await house.deliver(message()) }
        let (one, two) = (await house.selected(), await house.selected())
        if seed % 3 == 0 { _ = await one.send("q ENABLE QRESYNC\r\n") }
        let searches = ContextModelTests.searches.filter { seed % 3 != 0 || !$0.isOfNumbers }
        var keeper = Keeper(talk: one, isOfNumbers: Dictionary(uniqueKeysWithValues: searches.map { ($0.tag, $0.isOfNumbers) }))
        for search in searches {
            keeper.results[search.tag] = await found(search.tag, "UPDATE ALL", search, one)
        }
        for step in 0..<40 {
            for _ in 0..<random(4) {
                let (low, high) = (1 + random(8), 1 + random(8))
                let flag = ["\\Seen", "\\Flagged", "\\Deleted", "red"][random(4)]
                switch random(6) {
                case 0: try await house.deliver(message())
                case 1: _ = await two.send("x EXPUNGE\r\n")
                case 2: _ = await two.send("x UID STORE \(low):\(high) -FLAGS (\(flag))\r\n")
                case 3: await keeper.send("y\(step) UID STORE \(low):\(high) +FLAGS.SILENT (\(flag))\r\n")
                case 4: await keeper.send("y\(step) UID FETCH \(low):\(high) BODY[]<0.1>\r\n")
                default: _ = await two.send("x UID STORE \(low):\(high) +FLAGS (\(flag))\r\n")
                }
            }
            await keeper.send("n\(step) NOOP\r\n")
            for search in searches {
                let found = await found("f", "ALL", search, one)
                #expect(keeper.results[search.tag] == found, "step \(step): \(search)")
            }
        }
    }

    private func found(
        _ tag: String, _ options: String, _ search: (tag: String, verb: String, rest: String, isOfNumbers: Bool),
        _ talk: Rehearsal<IMAPWorker>
    ) async -> [Int] {
        let answer = await talk.send("\(tag) \(search.verb) RETURN (\(options)) \(search.rest)\r\n")
        #expect(answer.contains("\(tag) OK"), "\(answer)")
        guard let line = answer.split(separator: "\r\n").first(where: { $0.hasPrefix("* ESEARCH") }),
            let start = line.range(of: " ALL ")
        else { return [] }
        return Keeper.numbers(line[start.upperBound...].prefix { $0 != " " })
    }
}
