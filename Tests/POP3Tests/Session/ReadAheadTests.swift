import Conversation
import NIOCore
import PostOffice
import Rehearsal
import Storage
import Testing

@testable import POP3

@Suite("Messages read before they are asked for")
struct ReadAheadTests {
    /// A visitor whose work is counted, and carried out at once or later.
    private struct Visitor {
        let house: House
        var session: POP3Session
        var retrieved: [Int] = []
        var ahead: [Range<Int>] = []
        /// Begun and not carried out.
        var open: [POP3Work] = []
        var isPatient = false
        private var input = ByteBuffer()

        init(_ house: House) async {
            self.house = house
            session = await house.visit().session
        }

        mutating func send(_ text: String) async -> String {
            input.writeString(text)
            var output = ByteBuffer()
            let link = SilentLink()
            while true {
                let work: POP3Work
                switch session.advance(&input, &output) {
                case .again: continue
                case .work(let begun): work = begun
                default: return String(buffer: output)
                }
                switch work {
                case .retrieve(let retrievals, _): retrieved.append(retrievals.count)
                case .readAhead(let range, _): ahead.append(range)
                default: break
                }
                if isPatient, case .readAhead = work {
                    open.append(work)
                } else {
                    session.absorb(await house.worker.perform(work, link), &output)
                }
            }
        }

        mutating func finish() async -> String {
            var output = ByteBuffer()
            for work in open { session.absorb(await house.worker.perform(work, SilentLink()), &output) }
            open = []
            return String(buffer: output) + (await send(""))
        }
    }

    private func house(_ count: Int, octets: Int = 0) async throws -> House {
        let house = try await House()
        for number in 1...count { try await house.deliver(Sample.numbered(number) + String(repeating: "x", count: octets)) }
        return house
    }

    @Test("who retrieves two in a row has the next ones without waiting; whoever jumps about has them read when asked for")
    func inARow() async throws {
        var visitor = await Visitor(try await house(150))
        _ = await visitor.send("RETR 7\r\n")
        _ = await visitor.send("RETR 1\r\n")
        #expect(visitor.ahead == [])
        _ = await visitor.send("RETR 2\r\n")
        #expect(visitor.ahead == [2..<66, 66..<130] && visitor.retrieved == [1, 1, 1])
        for number in 3...66 {
            let answer = await visitor.send("RETR \(number)\r\n")
            #expect(answer.hasPrefix("+OK ") && answer.contains("Subject: Tea \(number)\r\n") && answer.hasSuffix("\r\n.\r\n"))
        }
        // All of the first batch is told: the next one is read.
        #expect(visitor.ahead == [2..<66, 66..<130, 130..<150] && visitor.retrieved == [1, 1, 1])
        _ = await visitor.send("RETR 9\r\n")
        #expect(visitor.retrieved == [1, 1, 1, 1])
        #expect(await visitor.send("DELE 67\r\nRETR 67\r\n").contains("-ERR"))
    }

    @Test("what is being read is waited for, in the order of the commands")
    func waits() async throws {
        var visitor = await Visitor(try await house(20))
        visitor.isPatient = true
        _ = await visitor.send("RETR 1\r\nRETR 2\r\n")
        #expect(visitor.ahead == [2..<20])
        #expect(await visitor.send("STAT\r\nRETR 3\r\nNOOP\r\n") == "+OK 20 \(visitor.session.octets)\r\n")
        let answer = await visitor.finish()
        #expect(answer.contains("Subject: Tea 3\r\n") && answer.hasSuffix(".\r\n+OK Still here\r\n"))
        #expect(visitor.retrieved == [2])
    }

    @Test("a session holds no more than two batches of 128 KiB, and nothing of a large message")
    func bounded() async throws {
        var visitor = await Visitor(try await house(20, octets: 50_000))
        _ = await visitor.send("RETR 1\r\nRETR 2\r\n")
        #expect(visitor.ahead == [2..<4, 4..<6])
        let large = try await house(3, octets: 200_000)
        visitor = await Visitor(large)
        #expect(await visitor.send("RETR 1\r\n").isEmpty)
        _ = await visitor.send("RETR 2\r\n")
        #expect(visitor.ahead == [] && visitor.retrieved == [1, 1])
    }

    @Test("what another client has expunged meanwhile is gone: RFC 1939 §5")
    func expunged() async throws {
        let house = try await house(10)
        var visitor = await Visitor(house)
        _ = await visitor.send("RETR 1\r\nRETR 2\r\n")
        try await house.expunge(3)
        #expect(await visitor.send("RETR 3\r\n").hasPrefix("-ERR"))
        #expect(await visitor.send("RETR 4\r\n").contains("Subject: Tea 4\r\n"))
    }

    @Test("what cannot be read ahead is an answer only to who asks for it")
    func failing() async throws {
        let house = try await house(10)
        var visitor = await Visitor(house)
        visitor.isPatient = true
        _ = await visitor.send("RETR 1\r\nRETR 2\r\n")
        try #require(house.memory).fail([.read], with: .corrupt("a flipped bit"))
        #expect(await visitor.finish() == "")
        #expect(await visitor.send("STAT\r\n").hasPrefix("+OK 10 "))
        _ = await visitor.send("RETR 3\r\n")
        #expect(visitor.retrieved == [2, 1] && visitor.ahead.count == 1)
    }

    @Test("all sessions together hold no more than there is to lend, and give it back")
    func loans() async throws {
        let house = try await house(1)
        var loans: [MemoryLoan] = []
        while let loan = house.maildrops.lend(octets: 1 << 20) { loans.append(loan) }
        #expect(loans.count == 32)
        loans.removeLast()
        #expect(house.maildrops.lend(octets: 1 << 20) != nil)
    }
}

extension POP3Session {
    fileprivate var octets: Int64 { maildropSession?.maildrop.octets ?? 0 }
}

/// Takes what is written, and forgets it.
private struct SilentLink: Link {
    let facts = House.secure
    func write(_ bytes: ByteBuffer) async throws {}
    func poke() {}
    func close() {}
}
