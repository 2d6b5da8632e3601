import NIOCore
import Testing

@Suite("Bounds of MULTIAPPEND")
struct MultiappendTests {
    @Test("a thousand messages are the most, and one more leaves none behind: RFC 3502 §6.3.11")
    func most() async throws {
        let house = try await House()
        let talk = await house.loggedIn()
        let next = " {1+}\r\nx"
        let fits = await talk.send("a APPEND INBOX" + String(repeating: next, count: 1_000) + "\r\n")
        #expect(fits.hasPrefix("a OK [APPENDUID 1 1:1000]"), "\(fits)")
        let tooMany = await talk.send("b APPEND INBOX" + String(repeating: next, count: 1_001) + "\r\nc NOOP\r\n")
        #expect(tooMany == "b NO [LIMIT] Too many messages for one command\r\nc OK NOOP done\r\n")
        let asked = await talk.send("d APPEND INBOX" + String(repeating: next, count: 1_000) + " {1}\r\n")
        #expect(asked == "d NO [LIMIT] Too many messages for one command\r\n")
        #expect(await talk.send("e STATUS INBOX (MESSAGES)\r\n").hasPrefix("* STATUS INBOX (MESSAGES 1000)"))
    }

    @Test("headers that would fill memory are too much at some point")
    func weight() async throws {
        let house = try await House()
        let talk = await house.loggedIn()
        let header = String(repeating: "X-Long: " + String(repeating: "y", count: 70) + "\r\n", count: 195) + "\r\n"
        let next = " {\(header.utf8.count)+}\r\n\(header)"
        let said = await talk.send("a APPEND INBOX" + String(repeating: next, count: 600) + "\r\n")
        #expect(said == "a NO [LIMIT] Too many messages for one command\r\n", "\(said.prefix(200))")
    }
}
