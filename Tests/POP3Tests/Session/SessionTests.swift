import Conversation
import Gatehouse
import MailModel
import NIOCore
import Rehearsal
import Testing

@testable import POP3

@Suite("POP3 sessions")
struct SessionTests {
    @Test("a changed account's session ends, and its maildrop is free: S13")
    func revoked() async throws {
        let house = try await House()
        try await house.deliver(Sample.numbered(1))
        let talk = await house.visit()
        #expect(await talk.send("DELE 1\r\n") == "+OK Marked as deleted\r\n")
        house.gatekeeper.accountChanged(house.alice.account)
        #expect(await talk.poked() == "-ERR [AUTH] The account was changed or disabled\r\n")
        #expect(talk.isClosed)
        #expect(try await house.uids() == [1])
        #expect(try await house.maildrops.open(of: house.alice) != nil)
    }

    @Test("a login that takes too long ends the connection, whatever is said meanwhile")
    func slowLogin() async throws {
        let house = try await House()
        let talk = await house.connect()
        #expect(talk.session.patience == .seconds(120))
        house.clock.advance(seconds: 119)
        #expect(await talk.send("USER alice\r\n") == "+OK Send the password\r\n")
        house.clock.advance(seconds: 2)
        #expect(await talk.send("CAPA\r\n") == "-ERR [SYS/TEMP] The login took too long\r\n")
        #expect(talk.isClosed)
    }

    @Test("a session that is logged in may be silent for 10 minutes at least: RFC 1939 §3")
    func patience() async throws {
        let talk = await (try await House()).visit()
        #expect(talk.session.patience >= .seconds(600))
        await talk.hangUp()
    }

    @Test("what IMAP expunges keeps its number, is not given any more, and QUIT does not mind: RFC 1939 §5, §6")
    func expungedElsewhere() async throws {
        let house = try await House()
        for number in 1...4 { try await house.deliver(Sample.numbered(number)) }
        let talk = await house.visit()
        try await house.expunge(2)
        #expect(await talk.send("RETR 2\r\nTOP 2 0\r\n") == "-ERR Another client has removed that message\r\n-ERR Another client has removed that message\r\n")
        #expect(await talk.send("RETR 3\r\n").contains("Subject: Tea 3\r\n"))
        #expect(await talk.send("STAT\r\n").hasPrefix("+OK 4 "))
        #expect(await talk.send("DELE 2\r\nDELE 4\r\nQUIT\r\n") == "+OK Marked as deleted\r\n+OK Marked as deleted\r\n+OK Goodbye\r\n")
        #expect(try await house.uids() == [1, 3])
    }

    @Test("QUIT removes what it was told to, and neither what another client has marked nor what came meanwhile: RFC 1939 §6")
    func onlyMarked() async throws {
        let house = try await House()
        try await house.deliver(Sample.numbered(1), flags: Flags(system: .deleted))
        try await house.deliver(Sample.numbered(2))
        let talk = await house.visit()
        try await house.deliver(Sample.numbered(3), flags: Flags(system: .deleted))
        #expect(await talk.send("STAT\r\nDELE 2\r\nQUIT\r\n").hasPrefix("+OK 2 "))
        #expect(try await house.uids() == [1, 3])
    }

    @Test("a unique-id is never given to another message, and stays: RFC 1939 §7 UIDL")
    func uniqueIdentifiers() async throws {
        let house = try await House()
        for number in 1...3 { try await house.deliver(Sample.numbered(number)) }
        func identifiers() async -> [String] {
            let talk = await house.visit()
            let answer = await talk.send("UIDL\r\n")
            await talk.hangUp()
            return answer.split(separator: "\r\n").dropFirst().dropLast().map { String($0.split(separator: " ")[1]) }
        }
        let before = await identifiers()
        #expect(before.count == 3 && Set(before).count == 3)
        #expect(before.allSatisfy { (1...70).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } })
        try await house.expunge(3)
        try await house.deliver(Sample.numbered(4))
        let after = await identifiers()
        #expect(after.dropLast() == before.dropLast())
        #expect(!before.contains(after[2]))
    }

    @Test("RETR changes no flag: what was not read in the other client stays unread")
    func flags() async throws {
        let house = try await House()
        try await house.deliver(Sample.numbered(1))
        let talk = await house.visit()
        #expect(await talk.send("RETR 1\r\n").hasPrefix("+OK"))
        await talk.hangUp()
        let rows = try await house.mailroom.open(.inbox, of: house.alice).handle.snapshot
        #expect(try rows.row(at: 0)?.flags == FlagBits(rawValue: 0))
    }

    @Test("RETRs that came together are one piece of work, of bounded size")
    func together() async throws {
        let house = try await House()
        for number in 1...200 { try await house.deliver(Sample.numbered(number)) }
        let talk = await house.visit()
        var session = talk.session
        var input = ByteBuffer(string: (1...200).map { "RETR \($0)\r\n" }.joined())
        var output = ByteBuffer()
        var sizes: [Int] = []
        while case .work(.retrieve(let retrievals, _)) = session.advance(&input, &output) {
            sizes.append(retrievals.count)
            session.absorb(.retrieved, &output)
        }
        #expect(sizes == [64, 64, 64, 8])
        let answer = await talk.send((1...200).map { "RETR \($0)\r\n" }.joined())
        #expect(answer.split(separator: "\r\n.\r\n").count == 200)
        let subjects = answer.split(separator: "\r\n").filter { $0.hasPrefix("Subject: ") }
        #expect(subjects == (1...200).map { "Subject: Tea \($0)" })
        await talk.hangUp()
    }

    @Test("whatever comes, cut in any way, the session goes on or closes", arguments: 1...3)
    func garbled(seed: UInt64) async throws {
        let commands = [
            "NOOP", "STAT", "LIST", "LIST 2", "UIDL", "RETR 1", "RETR 2", "TOP 2 1", "DELE 1", "RSET", "CAPA", "LANG en", "UTF8", "USER bob",
            "PASS x", "AUTH PLAIN AGFsaWNlAHg=", "STLS", "XYZZY",
        ]
        let house = try await House { $0.mostErrors = (stranger: 1_000_000, member: 1_000_000) }
        for number in 1...3 { try await house.deliver(Sample.numbered(number)) }
        var dice = Dice(state: seed)
        var talk = await house.visit()
        for _ in 0..<300 {
            if talk.isClosed { talk = await house.visit() }
            var bytes = Array(((commands.randomElement(using: &dice) ?? "") + "\r\n").utf8)
            for _ in 0..<Int.random(in: 0...2, using: &dice) {
                guard let place = bytes.indices.randomElement(using: &dice) else { continue }
                switch Int.random(in: 0..<3, using: &dice) {
                case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &dice)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: bytes[place...].prefix(6), at: place)
                }
            }
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...max(1, rest.count), using: &dice))
                rest = rest.dropFirst(piece.count)
                _ = await talk.send(Array(piece))
            }
            #expect(!talk.isStalled)
        }
        await talk.hangUp()
    }
}
