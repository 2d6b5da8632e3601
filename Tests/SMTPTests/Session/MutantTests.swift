import Conversation
import Foundation
import NIOCore
import Rehearsal
import SMTP
import Storage
import Testing

@Suite("Mutants of the SMTP transcripts")
struct MutantTests {
    @Test("none breaks the session, and the one beside it delivers as ever", .timeLimit(.minutes(60)), arguments: Premises.allCases)
    func endure(premises: Premises) async throws {
        let mutants = Mutants(usual: 700, over: premises)
        var mutator = Mutator(try Transcript.all("smtp")) { $0.hasPrefix("EHLO") }
        var tried = 0
        for batch in mutants.batches {
            tried += try await premises.with(clock: { House.now }) { try await endure(batch, over: $0, &mutator) }
            if tried % 5_000 == 0 { print("\(tried) mutants of SMTP, up to seed \(batch.upperBound)") }
        }
        #expect(tried == mutants.count)
    }

    /// How many of the batch were tried.
    private func endure(_ batch: ClosedRange<UInt64>, over store: any House.Ports, _ mutator: inout Mutator) async throws -> Int {
        var tried = 0
        let house = try await House(over: store)
        let beside = try await house.talk { $0.mailLimit = 1_000 }
        for seed in batch {
            let role: SMTPRole = seed % 3 == 0 ? .submissions : .mx
            let facts = ConnectionFacts.rehearsal(
                from: "192.0.2.7", tls: role == .submissions ? TLSFacts(version: "TLSv1.3") : nil)
            let talk = await Rehearsal(try house.worker(role) { $0.errorLimit = 1_000 }, facts: facts)
            guard let said = await talk.endure(mutator.segments(seed: seed)) else {
                Issue.record("mutant \(seed): the session waits for work it did not begin")
                continue
            }
            for line in String(buffer: said).components(separatedBy: "\r\n").dropLast() where !isReply(line) {
                Issue.record("mutant \(seed): that is no reply: \(line)")
            }
            await talk.hangUp()
            let before = try await uids(house)
            await house.data(beside, to: ["bob@example.test"])
            #expect(
                await beside.send("Subject: \(seed)\r\n\r\nx\r\n.\r\n").hasPrefix("250 2.0.0"),
                "beside mutant \(seed)")
            let after = try await uids(house)
            #expect(Array(after.dropLast()) == before && after.last ?? 0 > before.last ?? 0, "mutant \(seed)")
            tried += 1
        }
        await beside.hangUp()
        return tried
    }

    private func isReply(_ line: String) -> Bool {
        let octets = Array(line.utf8)
        return octets.count >= 3 && octets.count <= 512 && (0x32...0x35).contains(octets[0])
            && octets[1...2].allSatisfy { (0x30...0x39).contains($0) }
            && (octets.count == 3 || octets[3] == 0x20 || octets[3] == 0x2D)
    }

    private func uids(_ house: House) async throws -> [UInt32] {
        let inbox = try #require(try await house.store.mailbox(named: .inbox, of: house.bob.id))
        return Array(try await house.store.open(inbox.id).snapshot.uids.numbers)
    }
}
