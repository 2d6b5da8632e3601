import Conversation
import Gatehouse
import IMAP
import MailModel
import NIOCore
import Rehearsal
import Synchronization
import Testing

@Suite("IMAPSession")
struct SessionTests {
    @Test("messages of APPENDs in a row are placed together, answered in order: issue 2 §3")
    func pipelinedAppends() async throws {
        let talk = try await House().loggedIn()
        let command = "a APPEND INBOX {3+}\r\nabc\r\n"
        let answer = await talk.send(String(repeating: command, count: 20))
        #expect(answer == (1...20).map { "a OK [APPENDUID 1 \($0)] APPEND done\r\n" }.joined())
        #expect(talk.deepest == 20)
    }

    @Test("other commands wait for the APPENDs before them: RFC 9051 §5.5")
    func commandAfterAppend() async throws {
        let talk = try await House().loggedIn()
        let answer = await talk.send("a APPEND INBOX {3+}\r\nabc\r\nb STATUS INBOX (MESSAGES)\r\n")
        #expect(answer.hasPrefix("a OK"))
        #expect(answer.contains("(MESSAGES 1)"))
        #expect(talk.deepest == 1)
    }

    @Test("a big message is handed on in pieces and comes back octet for octet", arguments: [true, false])
    func bigMessage(synchronising: Bool) async throws {
        let house = try await House { $0.messageLimit = 8 << 20 }
        let talk = await house.selected()
        var bytes = [UInt8](Array("Subject: big\r\n\r\n".utf8))
        while bytes.count < 3 << 20 { bytes += Array("line \(bytes.count)\r\n".utf8) }
        var answer: [UInt8] = []
        if synchronising {
            answer += await talk.send(Array("a APPEND INBOX {\(bytes.count)}\r\n".utf8))
            #expect(String(decoding: answer, as: UTF8.self) == "+ Ready for the message\r\n")
            answer = await talk.send(bytes + Array("\r\n".utf8))
        } else {
            answer = await talk.send(Array("a APPEND INBOX {\(bytes.count)+}\r\n".utf8) + bytes + Array("\r\n".utf8))
        }
        #expect(String(decoding: answer, as: UTF8.self) == "* 1 EXISTS\r\n* 1 RECENT\r\na OK [APPENDUID 1 1] APPEND done\r\n")
        let fetched = await talk.send(Array("b FETCH 1 BODY.PEEK[]\r\n".utf8))
        let head = Array("* 1 FETCH (BODY[] {\(bytes.count)}\r\n".utf8)
        #expect(fetched == head + bytes + Array(")\r\nb OK FETCH done\r\n".utf8))
        let part = await talk.send(Array("c FETCH 1 BODY.PEEK[]<1000000.1500000>\r\n".utf8))
        let partHead = Array("* 1 FETCH (BODY[]<1000000> {1500000}\r\n".utf8)
        #expect(part == partHead + bytes[1_000_000..<2_500_000] + Array(")\r\nc OK FETCH done\r\n".utf8))
    }

    @Test("a big part is decoded in pieces: RFC 3516")
    func bigBinary() async throws {
        let house = try await House { $0.messageLimit = 8 << 20 }
        let talk = await house.selected()
        let line = "AAEC/w=="
        var text = "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        let count = 400_000
        for _ in 0..<count { text += line + "\r\n" }
        _ = await talk.send("a APPEND INBOX {\(text.utf8.count)+}\r\n\(text)\r\n")
        let size = await talk.send("b FETCH 1 BINARY.SIZE[1]\r\n")
        #expect(size.hasPrefix("* 1 FETCH (BINARY.SIZE[1] \(count * 4))"))
        let fetched = await talk.send(Array("c FETCH 1 BINARY.PEEK[1]\r\n".utf8))
        let content = (0..<count).flatMap { _ -> [UInt8] in [0, 1, 2, 255] }
        #expect(fetched == Array("* 1 FETCH (BINARY[1] ~{\(count * 4)}\r\n".utf8) + content + Array(")\r\nc OK FETCH done\r\n".utf8))
        let part = await talk.send(Array("d FETCH 1 BINARY.PEEK[1]<3.6>\r\n".utf8))
        #expect(part == Array("* 1 FETCH (BINARY[1]<3> ~{6}\r\n".utf8) + [255, 0, 1, 2, 255, 0] + Array(")\r\nd OK FETCH done\r\n".utf8))
    }

    @Test("the session of an account that is disabled ends: issue 2 §4", arguments: [true, false])
    func revoked(idle: Bool) async throws {
        let house = try await House()
        let talk = await house.selected()
        if idle { _ = await talk.send("i IDLE\r\n") }
        try await house.store.set(enabled: false, of: house.alice.account)
        house.gatekeeper.accountChanged(house.alice.account)
        #expect(await talk.poked() == "* BYE The account was changed or disabled\r\n")
        #expect(talk.isClosed)
        #expect(house.gatekeeper.sessionCount(of: house.alice.account) == 0)
    }

    @Test("a login has two minutes in all, however slowly it comes: S1")
    func slowLogin() async throws {
        let moment = Moment(House.now)
        let house = try await House { $0.clock = { moment.now } }
        let talk = await house.connect()
        moment.pass(seconds: 119)
        #expect(await talk.send("a ") == "")
        moment.pass(seconds: 2)
        #expect(await talk.send("N") == "* BYE The login took too long\r\n")
        #expect(talk.isClosed)
    }

    @Test("silence: two minutes before login, half an hour after, a word every two minutes in IDLE: RFC 9051 §5.4, RFC 2177")
    func patience() async throws {
        let house = try await House { $0.mostIdleWords = 2 }
        let talk = await house.connect()
        #expect(talk.session.patience == .seconds(120))
        _ = await talk.send("l LOGIN alice \"kite above the sea\"\r\n")
        #expect(talk.session.patience >= .seconds(1_800))
        _ = await talk.send("i IDLE\r\n")
        #expect(talk.session.patience == .seconds(120))
        #expect(await talk.expire() == "* OK Still here\r\n")
        #expect(await talk.expire() == "* OK Still here\r\n")
        #expect(await talk.expire() == "* BYE Autologout: you were silent for too long\r\n")
        #expect(talk.isClosed)
    }

    @Test("a literal that a stranger sends is bounded: 64 KB")
    func strangersLine() async throws {
        let house = try await House()
        let talk = await house.connect()
        var answer = ""
        for _ in 0..<100 { answer += await talk.send(String(repeating: "x", count: 8_192)) }
        #expect(answer.hasPrefix("* BAD") || answer.hasPrefix("x"))
        #expect(talk.session.inputLimit <= 70_000)
    }

    @Test("a mailbox that nothing ever came to has a ModSeq of its own: RFC 7162 §3.1.2.1, which is never 0")
    func freshModSeq() async throws {
        let talk = try await House().loggedIn()
        let answer = await talk.send("a SELECT Trash\r\n")
        #expect(answer.contains("[HIGHESTMODSEQ ") && !answer.contains("[HIGHESTMODSEQ 0]"))
    }

    @Test("a session that waits is small")
    func size() {
        #expect(MemoryLayout<IMAPSession>.size < 1_024)
    }
}

/// A clock that a test moves.
final class Moment: Sendable {
    private let mutex: Mutex<Timestamp>
    init(_ start: Timestamp) { mutex = Mutex(start) }
    var now: Timestamp { mutex.withLock { $0 } }
    func pass(seconds: Int64) { mutex.withLock { $0 = Timestamp(rawValue: $0.rawValue + seconds) } }
}
