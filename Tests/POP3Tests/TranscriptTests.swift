import Rehearsal
import Testing

@Suite("Transcripts/pop3")
struct TranscriptTests {
    @Test("goes as written, whole and byte by byte", arguments: try Transcript.all("pop3"), [false, true])
    func perform(_ transcript: Transcript, byteByByte: Bool) async throws {
        if byteByByte, transcript.settings["segments"] == "whole" { return }
        let house = try await House { settings in
            settings.allowsPlaintextOnLoopback = transcript.settings["plaintext"] != nil
            settings.offersTLS = transcript.settings["no-tls"] == nil
        }
        try await house.furnish(transcript.settings)
        let isPlain = transcript.settings["stranger"] != nil
        try await transcript.perform(house.worker, byteByByte: byteByByte, facts: isPlain ? .rehearsal(to: 110) : House.secure)
    }

    @Test("there are some")
    func some() throws {
        #expect(try Transcript.all("pop3").count > 20)
    }
}
