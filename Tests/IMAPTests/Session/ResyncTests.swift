import IMAP
import MailModel
import Rehearsal
import Storage
import Testing

/// A client's copy of a mailbox: flags by UID, and up to where in the log it is right.
private struct Copy {
    var modSeq: UInt64
    var messages: [UInt32: Set<String>]

    /// Believes what a server says to it.
    mutating func learn(_ answer: String) {
        for line in answer.split(separator: "\r\n") {
            if let range = line.firstRange(of: "VANISHED (EARLIER) ") {
                for uid in Copy.set(line[range.upperBound...]) { messages[uid] = nil }
            } else if line.contains(" FETCH ("), let uid = Copy.number("UID ", line) {
                messages[uid] = Copy.flags(line)
            } else if let modSeq = Copy.number("[HIGHESTMODSEQ ", line) {
                self.modSeq = UInt64(modSeq)
            }
        }
    }

    static func number(_ name: String, _ line: Substring) -> UInt32? {
        line.firstRange(of: name).flatMap { UInt32(line[$0.upperBound...].prefix { $0.isNumber }) }
    }

    static func set(_ text: Substring) -> [UInt32] {
        text.split(separator: ",").flatMap { range -> [UInt32] in
            let ends = range.split(separator: ":").compactMap { UInt32($0) }
            return ends.isEmpty ? [] : Array(ends[0]...ends[ends.count - 1])
        }
    }

    private static func flags(_ line: Substring) -> Set<String> {
        guard let range = line.firstRange(of: "FLAGS (") else { return [] }
        return Set(line[range.upperBound...].prefix { $0 != ")" }.split(separator: " ").map(String.init)).subtracting(["\\Recent"])
    }
}

private struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

@Suite("Quick resynchronisation")
struct ResyncTests {
    @Test("from every earlier ModSeq a client comes to exactly the present state: RFC 7162 §3.2.5", arguments: 1...6)
    func everyPoint(seed: Int) async throws {
        let house = try await House()
        var dice = Dice(state: UInt64(seed))
        for _ in 0..<12 { try await house.deliver("Subject: x\r\n\r\n") }
        var past = [try await present(house)]
        let other = await house.selected()
        for _ in 0..<60 {
            _ = await other.send("o \(command(&dice))\r\n")
            if Int.random(in: 0..<3, using: &dice) == 0 { try await house.deliver("Subject: y\r\n\r\n") }
            let now = try await present(house)
            if now.modSeq != past.last?.modSeq { past.append(now) }
        }
        let truth = try await present(house)
        let talk = await house.loggedIn()
        _ = await talk.send("e ENABLE QRESYNC\r\n")
        for var copy in past {
            let highest = copy.messages.keys.max() ?? 1
            for known in ["", " 1:4294967295"] {
                let answer = await talk.send("q SELECT INBOX (QRESYNC (1 \(copy.modSeq)\(known)))\r\n")
                var learnt = copy
                learnt.learn(answer)
                #expect(learnt.messages == truth.messages, "from \(copy.modSeq)")
                #expect(learnt.modSeq == truth.modSeq)
                // Only what was ever there, and nothing that is there still.
                for line in answer.split(separator: "\r\n") {
                    guard let range = line.firstRange(of: "VANISHED (EARLIER) ") else { continue }
                    for uid in Copy.set(line[range.upperBound...]) { #expect(truth.messages[uid] == nil) }
                }
            }
            // With the UIDs it has: those, and no others.
            let answer = await talk.send("q SELECT INBOX (QRESYNC (1 \(copy.modSeq) 1:\(highest)))\r\n")
            copy.learn(answer)
            #expect(copy.messages == truth.messages.filter { $0.key <= highest }, "from \(copy.modSeq)")
            let fetched = await talk.send("f UID FETCH 1:* (FLAGS) (CHANGEDSINCE \(past[0].modSeq) VANISHED)\r\n")
            var second = past[0]
            second.learn(fetched)
            #expect(second.messages == truth.messages)
        }
    }

    private func command(_ dice: inout Dice) -> String {
        let uid = Int.random(in: 1...40, using: &dice)
        switch Int.random(in: 0..<7, using: &dice) {
        case 0: return "UID STORE \(uid):\(uid + 3) +FLAGS (\\Deleted)"
        case 1: return "EXPUNGE"
        case 2: return "UID MOVE \(uid) Trash"
        case 3: return "UID COPY \(uid):\(uid + 2) INBOX"
        case 4: return "UID STORE \(uid) -FLAGS.SILENT (\\Seen \\Deleted)"
        default: return "UID STORE \(uid):\(uid + 5) +FLAGS (\\Seen)"
        }
    }

    private func present(_ house: House) async throws -> Copy {
        let table = try await house.mailroom.open(.inbox, of: house.alice).handle.snapshot
        var copy = Copy(modSeq: table.highestModSeq.rawValue, messages: [:])
        try table.forEach { _, row in
            let flags = table.keywords.flags(of: row.flags)
            copy.messages[row.uid.rawValue] = Set(SystemFlags.named.filter { flags.system.contains($0.flag) }.map(\.name))
            return true
        }
        return copy
    }

    @Test("the widest sets cost what the mailbox costs: RFC 7162 §3.2.5.2")
    func hugeSets() async throws {
        let house = try await House()
        for _ in 0..<3 { try await house.deliver("Subject: x\r\n\r\n") }
        let talk = await house.loggedIn()
        _ = await talk.send("e ENABLE QRESYNC\r\n")
        // A sample as long as numbers go costs what the mailbox costs.
        let answer = await talk.send(
            "q SELECT INBOX (QRESYNC (1 1 1:4294967295,1:4294967295,7 (1:4294967295 1:4294967295)))\r\n")
        #expect(answer.contains("q OK"))
    }
}
