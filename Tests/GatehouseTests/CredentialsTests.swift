import Gatehouse
import Testing

@Suite struct CredentialsTests {
    @Test("PLAIN's message has three fields: RFC 4616 §2")
    func plain() throws {
        let message = try #require(PlainMessage(Array("\0alice\0open\u{20AC}".utf8)))
        #expect(message.user == "alice" && message.authorization == "" && message.password == Array("open\u{20AC}".utf8))
        for text in ["", "alice", "\0alice", "\0\0pass", "\0alice\0pass\0more"] {
            #expect(PlainMessage(Array(text.utf8)) == nil)
        }
        #expect(PlainMessage([0, 0xFF, 0, 1]) == nil)
    }

    @Test("nobody may act for another: RFC 4616 §2")
    func acting() {
        #expect(PlainMessage(Array("\0alice\0x".utf8))?.actsForItself == true)
        #expect(PlainMessage(Array("alice\0alice\0x".utf8))?.actsForItself == true)
        #expect(PlainMessage(Array("bob\0alice\0x".utf8))?.actsForItself == false)
    }

    @Test("neither credentials nor a PLAIN message print themselves: S48")
    func silence() throws {
        let message = try #require(PlainMessage(Array("\0alice\0sesame".utf8)))
        let credentials = Credentials(user: "alice", password: Password("sesame"))
        var dumped = "\(message) \(credentials)"
        dump(message, to: &dumped)
        dump(credentials, to: &dumped)
        #expect(!dumped.contains("sesame") && !dumped.contains("alice"))
    }
}
