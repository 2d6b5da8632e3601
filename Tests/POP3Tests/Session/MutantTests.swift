import NIOCore
import POP3
import Rehearsal
import Storage
import Testing

@Suite("Mutants of the POP3 transcripts")
struct MutantTests {
    @Test(
        "none breaks the session or keeps the maildrop locked, and the one beside it notices nothing",
        .timeLimit(.minutes(60)), arguments: Premises.allCases)
    func endure(premises: Premises) async throws {
        let mutants = Mutants(usual: 500, over: premises)
        var mutator = Mutator(try Transcript.all("pop3")) { $0.hasPrefix("PASS") || $0.hasPrefix("AUTH") }
        var tried = 0
        for batch in mutants.batches {
            let clock = TestClock()
            tried += try await premises.with(clock: { clock.now }) { try await endure(batch, over: $0, clock, &mutator) }
            if tried % 5_000 == 0 { print("\(tried) mutants of POP3, up to seed \(batch.upperBound)") }
        }
        #expect(tried == mutants.count)
    }

    /// How many of the batch were tried.
    private func endure(_ batch: ClosedRange<UInt64>, over store: any House.Ports, _ clock: TestClock, _ mutator: inout Mutator) async throws -> Int {
        var tried = 0
        let house = try await House(over: store, clock: clock)
        try await house.deliver("Subject: bob's\r\n\r\nx\r\n", to: house.bob)
        let beside = await house.connect()
        let greeted = await beside.send("USER bob\r\nPASS heron in the reeds\r\nSTAT\r\n")
        #expect(greeted.contains("+OK 1 "), "\(greeted)")
        for seed in batch {
            while try await house.uids().count < 3 { try await house.deliver("Subject: one\r\n\r\n.x\r\n") }
            let before = try await house.uids()
            let talk = await Rehearsal(house.worker, facts: seed % 5 == 0 ? .rehearsal(to: 110) : House.secure)
            guard let said = await talk.endure(mutator.segments(seed: seed)) else {
                Issue.record("mutant \(seed): the session waits for work it did not begin")
                continue
            }
            let text = String(buffer: said)
            if !text.isEmpty, !text.hasSuffix("\r\n") {
                Issue.record("mutant \(seed): the server ends within a line: \(text.suffix(200))")
            }
            await talk.hangUp()
            #expect(await beside.send("STAT\r\n").hasPrefix("+OK 1 "), "beside mutant \(seed)")
            let after = try await house.uids()
            #expect(Set(after).isSubset(of: before) && after == after.sorted(), "mutant \(seed)")
            let next = await house.visit()
            #expect(await next.send("STAT\r\n").hasPrefix("+OK \(after.count) "), "after mutant \(seed)")
            await next.hangUp()
            tried += 1
        }
        await beside.hangUp()
        return tried
    }
}
