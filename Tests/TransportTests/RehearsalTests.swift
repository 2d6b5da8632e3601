import Conversation
import NIOCore
import Rehearsal
import Testing

/// The runner that protocols are tested with, on the toy.
struct RehearsalTests {
    @Test("a rehearsal runs a session as the driver does")
    func talk() async {
        let worker = ToyWorker()
        let talk = await Rehearsal(worker)
        #expect(talk.greeting == "* HELLO 127.0.0.1 plain -\r\n")
        #expect(await talk.send("ECHO a\nRECORD b\nRECORD c\nECHO d\n") == "OK a\r\nOK d\r\nDONE b\r\nDONE c\r\n")
        #expect(talk.deepest == 2)
        #expect(await talk.sendByteByByte("ECHO a\nSTREAM 3\n") == "OK a\r\nxxxDONE streamed\r\n")
        #expect(await talk.send("POKEME\n") == "* POKED\r\nDONE poked\r\n")
        #expect(await talk.poke() == "* POKED\r\n")
        #expect(await talk.send("STARTTLS\nECHO injected\n") == "READY\r\n")
        #expect(talk.isStartingTLS)
        #expect(await talk.secure() == "")
        #expect(await talk.send("STATE\n") == "STATE secure\r\n")
        #expect(await talk.shutdown() == "* SHUTDOWN\r\n")
        #expect(talk.isClosed)
        var endings = worker.ended.makeAsyncIterator()
        #expect(await endings.next()?.lines == 9)
    }

    private let text = #"""
        # How it is written.
        #: fixture one two
        S~ * HELLO * plain -
        C\ ECHO a\n
        C\ ECHO \x62\n
        S: OK a
        S: OK b
        C\ RECORD x\nRECORD y\n
        S*
        S: DONE y
        C\ STARTTLS\n
        S: READY
        == tls
        C\ STATE\n
        S: STATE secure
        == connect two tls from 192.0.2.7
        S: * HELLO 192.0.2.7 TLSv1.3 -
        == expire
        S: * EXPIRED
        == close
        == as 1
        C\ QUIT\n
        S: BYE
        == close
        """#

    @Test("a transcript is played, in whole segments and byte by byte", arguments: [false, true])
    func transcript(byteByByte: Bool) async throws {
        let transcript = try Transcript(name: "toy", text: text)
        #expect(transcript.settings == ["fixture": "one two"])
        try await transcript.perform(ToyWorker(), byteByByte: byteByByte)
    }

    @Test("what differs from a transcript is shown")
    func difference() async throws {
        for (right, wrong) in [
            ("S: OK b", "S: OK c"), ("S: OK b\n", ""), ("S: DONE y", "S: DONE x"), ("S: STATE secure", "S: STATE plain"), ("* plain -", "* TLSv1.3 -"),
        ] {
            let transcript = try Transcript(name: "toy", text: text.replacing(right, with: wrong))
            await #expect(throws: Transcript.Difference.self, "\(wrong)") { try await transcript.perform(ToyWorker()) }
        }
        #expect(throws: Transcript.Fault.self) { try Transcript(name: "toy", text: "X: what") }
        #expect(throws: Transcript.Fault.self) { try Transcript(name: "toy", text: "== jump") }
    }
}
