import Rehearsal
import Testing

@Suite("Transcripts/imap")
struct TranscriptTests {
    @Test("goes as written, whole and byte by byte", arguments: try Transcript.all("imap"), [false, true])
    func perform(_ transcript: Transcript, byteByByte: Bool) async throws {
        let house = try await House { settings in
            settings.allowsPlaintextOnLoopback = transcript.settings["plaintext"] != nil
            settings.offersTLS = transcript.settings["no-tls"] == nil
            if let step = transcript.settings["ticking"].flatMap(Int64.init) { settings.tick(by: step) }
            settings.allowsUnauthenticate = transcript.settings["no-unauthenticate"] == nil
            if let most = transcript.settings["messages-at-once"].flatMap({ Int($0) }) { settings.messagesAtOnce = most }
        }
        try await house.furnish(transcript.settings)
        let isPlain = transcript.settings["stranger"] != nil
        try await transcript.perform(house.worker, byteByByte: byteByByte, facts: isPlain ? .rehearsal(to: 143) : House.secure)
    }

    @Test("there are some")
    func some() throws {
        #expect(try Transcript.all("imap").count > 20)
    }
}
