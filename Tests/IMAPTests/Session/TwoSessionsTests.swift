import IMAP
import MailModel
import Rehearsal
import Storage
import Testing

/// A client that believes what it is told, and nothing else.
private struct Mirror {
    let talk: Rehearsal<IMAPWorker>
    /// What it knows of each message, in order.
    var messages: [(uid: UInt32?, flags: Set<String>?)] = []
    var tag = 0

    init(_ house: House) async {
        talk = await house.loggedIn()
        _ = await send("SELECT INBOX")
    }

    mutating func send(_ command: String) async -> [Substring] {
        tag += 1
        assume(command)
        let answer = await talk.send("t\(tag) \(command)\r\n")
        var lines = answer.split(separator: "\r\n")
        #expect(lines.last?.hasPrefix("t\(tag) ") == true, "\(command): \(answer)")
        let forbidsExpunge = ["FETCH", "STORE", "SEARCH"].contains { command.hasPrefix($0) }
        for line in lines { learn(line, forbidsExpunge: forbidsExpunge, command) }
        if lines.last?.contains("BAD") == true { Issue.record("\(command): \(answer)") }
        lines.removeLast()
        return lines
    }

    /// A client knows what it has done silently: RFC 9051 §6.4.6.
    private mutating func assume(_ command: String) {
        let words = command.split { " ()".contains($0) }
        guard words.count == 4, words[0] == "STORE", words[2].hasSuffix("FLAGS.SILENT"), let number = Int(words[1]),
            let known = messages[number - 1].flags
        else { return }
        let flag = String(words[3])
        switch words[2].first {
        case "+": messages[number - 1].flags = known.union([flag])
        case "-": messages[number - 1].flags = known.subtracting([flag])
        default: messages[number - 1].flags = [flag]
        }
    }

    private mutating func learn(_ line: Substring, forbidsExpunge: Bool, _ command: String) {
        let words = line.split(separator: " ")
        guard words.count >= 3, words[0] == "*", let number = Int(words[1]) else { return }
        switch words[2] {
        case "EXISTS":
            #expect(number >= messages.count, "EXISTS never shrinks a mailbox: RFC 9051 §7.4.1")
            while messages.count < number { messages.append((nil, nil)) }
        case "EXPUNGE":
            #expect(!forbidsExpunge, "no EXPUNGE in answer to \(command): RFC 9051 §7.5.1")
            guard messages.indices.contains(number - 1) else {
                Issue.record("EXPUNGE of no message: \(line)")
                return
            }
            messages.remove(at: number - 1)
        case "FETCH":
            guard messages.indices.contains(number - 1) else {
                Issue.record("FETCH of no message: \(line)")
                return
            }
            if let uid = Mirror.value("UID", of: line).flatMap({ UInt32($0) }) {
                if let known = messages[number - 1].uid { #expect(known == uid, "\(command): \(line)") }
                messages[number - 1].uid = uid
            }
            if let flags = Mirror.flags(of: line) { messages[number - 1].flags = flags }
        default: break
        }
    }

    private static func value(_ name: String, of line: Substring) -> Substring? {
        guard let range = line.firstRange(of: "\(name) ") else { return nil }
        return line[range.upperBound...].prefix { $0.isNumber }
    }

    private static func flags(of line: Substring) -> Set<String>? {
        guard let range = line.firstRange(of: "FLAGS (") else { return nil }
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

@Suite("Several sessions on one mailbox")
struct TwoSessionsTests {
    @Test("each client's numbers and flags stay right whatever the others do: RFC 9051 §7.5.1, §5.2", arguments: 1...6)
    func random(seed: Int) async throws {
        let house = try await House()
        var dice = Dice(state: UInt64(seed))
        for _ in 0..<20 { try await house.deliver("Subject: x\r\n\r\n") }
        var mirrors = [await Mirror(house), await Mirror(house), await Mirror(house)]
        for index in mirrors.indices { _ = await mirrors[index].send("FETCH 1:* (UID FLAGS)") }
        for _ in 0..<150 {
            let who = Int.random(in: mirrors.indices, using: &dice)
            let command = Self.command(for: mirrors[who].messages.count, &dice)
            _ = await mirrors[who].send(command)
            if Int.random(in: 0..<6, using: &dice) == 0 { try await house.deliver("Subject: y\r\n\r\n") }
        }
        let truth = try await Self.truth(house)
        for index in mirrors.indices {
            _ = await mirrors[index].send("NOOP")
            let known = mirrors[index].messages
            #expect(known.count == truth.count)
            for (told, real) in zip(known, truth) {
                if let uid = told.uid { #expect(uid == real.uid) }
                if let flags = told.flags { #expect(flags == real.flags, "of UID \(real.uid)") }
            }
            _ = await mirrors[index].send("FETCH 1:* (UID FLAGS)")
            #expect(mirrors[index].messages.map(\.uid) == truth.map(\.uid))
            #expect(mirrors[index].messages.map(\.flags) == truth.map(\.flags))
        }
    }

    private static func command(for count: Int, _ dice: inout Dice) -> String {
        guard count > 0 else { return "NOOP" }
        let low = Int.random(in: 1...count, using: &dice)
        let high = Int.random(in: low...min(count, low + 3), using: &dice)
        let flag = ["\\Seen", "\\Deleted", "\\Flagged", "$Forwarded", "Work"].randomElement(using: &dice) ?? "\\Seen"
        let sign = ["+", "-", ""].randomElement(using: &dice) ?? ""
        switch Int.random(in: 0..<12, using: &dice) {
        case 0, 1: return "FETCH \(low):\(high) (UID FLAGS)"
        case 2: return "STORE \(low):\(high) \(sign)FLAGS (\(flag))"
        case 3: return "STORE \(low) \(sign)FLAGS.SILENT (\(flag))"
        case 4: return "SEARCH OR \(low):\(high) SEEN"
        case 5: return "NOOP"
        case 6: return "EXPUNGE"
        case 7: return "UID FETCH \(low):* FLAGS"
        case 8: return "COPY \(low):\(high) INBOX"
        case 9: return "MOVE \(low) Trash"
        case 10: return "UID STORE \(low):\(high + 3) +FLAGS (\\Deleted)"
        default: return "FETCH \(low) (UID BODY.PEEK[HEADER])"
        }
    }

    private static func truth(_ house: House) async throws -> [(uid: UInt32?, flags: Set<String>?)] {
        let table = try await house.mailroom.open(.inbox, of: house.alice).handle.snapshot
        var rows: [(uid: UInt32?, flags: Set<String>?)] = []
        try table.forEach { _, row in
            let flags = table.keywords.flags(of: row.flags)
            let names = SystemFlags.named.filter { flags.system.contains($0.flag) }.map(\.name) + flags.keywords.map(\.spelling)
            rows.append((row.uid.rawValue, Set(names)))
            return true
        }
        return rows
    }
}
