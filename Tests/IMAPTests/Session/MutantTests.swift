import IMAP
import NIOCore
import Rehearsal
import Storage
import Testing

@Suite("Mutants of the IMAP transcripts")
struct MutantTests {
    @Test("none breaks the session, and the one beside it sees a lawful mailbox", .timeLimit(.minutes(60)), arguments: Premises.allCases)
    func endure(premises: Premises) async throws {
        let mutants = Mutants(usual: 700, over: premises)
        var mutator = Mutator(try Transcript.all("imap")) { $0.contains("LOGIN alice") }
        var tried = 0
        for batch in mutants.batches {
            tried += try await premises.with(clock: { House.now }) { try await endure(batch, over: $0, &mutator) }
            if tried % 5_000 == 0 { print("\(tried) mutants of IMAP, up to seed \(batch.upperBound)") }
        }
        #expect(tried == mutants.count)
    }

    /// How many of the batch were tried.
    private func endure(_ batch: ClosedRange<UInt64>, over store: any House.Ports, _ mutator: inout Mutator) async throws -> Int {
        var tried = 0
        let house = try await House(over: store) { $0.mostErrors = (stranger: 1_000, member: 1_000) }
        for _ in 0..<2 { try await house.deliver(Sample.multipart) }
        var beside = try await Onlooker(house)
        for seed in batch {
            let talk = await Rehearsal(house.worker, facts: seed % 5 == 0 ? .rehearsal(to: 143) : House.secure)
            guard let said = await talk.endure(mutator.segments(seed: seed)) else {
                Issue.record("mutant \(seed): the session waits for work it did not begin")
                continue
            }
            let text = String(buffer: said)
            if !text.isEmpty, !text.hasSuffix("\r\n") {
                Issue.record("mutant \(seed): the server ends within a line: \(text.suffix(200))")
            }
            if text.contains("[SERVERBUG]") || text.contains("Something went wrong") {
                Issue.record("mutant \(seed): \(text.suffix(500))")
            }
            await talk.hangUp()
            if let fault = try await beside.fault() { Issue.record("mutant \(seed), seen from beside: \(fault)") }
            tried += 1
        }
        await beside.leave()
        return tried
    }
}

/// Another session of alice's, on the same INBOX, that believes nothing.
private struct Onlooker {
    private let talk: Rehearsal<IMAPWorker>
    private var messages = 0
    private var lastNext = 0
    private var validity = 0

    init(_ house: House) async throws {
        talk = await house.loggedIn()
        note(await talk.send("s SELECT INBOX\r\n"))
    }

    func leave() async { await talk.hangUp() }

    /// What `* n EXISTS` and `* n EXPUNGE` say.
    private mutating func note(_ text: String) {
        for line in text.split(separator: "\r\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, words[0] == "*", let number = Int(words[1]) else { continue }
            if words[2] == "EXISTS" { messages = number }
            if words[2] == "EXPUNGE" { messages -= 1 }
        }
    }

    /// Nil when all is well.
    mutating func fault() async throws -> String? {
        let news = await talk.send("n NOOP\r\n")
        guard news.hasSuffix("n OK NOOP done\r\n") else { return "NOOP: \(news)" }
        note(news)
        let fetched = await talk.send("f UID FETCH 1:* (UID FLAGS)\r\n")
        guard fetched.hasSuffix("f OK FETCH done\r\n") || fetched.hasSuffix("f OK UID FETCH done\r\n") else {
            return "FETCH: \(fetched)"
        }
        var uids: [Int] = []
        for line in fetched.split(separator: "\r\n") where line.contains(" FETCH (") {
            let words = line.split(separator: " ")
            guard let number = Int(words[1]), number == uids.count + 1 else { return "numbers have gaps: \(fetched)" }
            guard let at = words.firstIndex(of: "(UID"), let uid = Int(words[at + 1]), uid > uids.last ?? 0 else {
                return "UIDs do not rise: \(fetched)"
            }
            uids.append(uid)
        }
        guard uids.count == messages else { return "\(messages) messages were told of, there are \(uids.count)" }
        let status = await talk.send("t STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)\r\n")
        let numbers = status.split { !$0.isNumber }.prefix(3).compactMap { Int($0) }
        guard numbers.count == 3, numbers[0] == messages else {
            return "STATUS says otherwise than \(messages): \(status)"
        }
        guard numbers[1] >= lastNext, numbers[1] > uids.last ?? 0 else {
            return "UIDNEXT fell from \(lastNext): \(status)"
        }
        guard validity == 0 || numbers[2] == validity else { return "UIDVALIDITY changed: \(status)" }
        (lastNext, validity) = (numbers[1], numbers[2])
        return nil
    }
}
