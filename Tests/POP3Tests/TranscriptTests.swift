import Rehearsal
import Storage
import Testing

@Suite("Transcripts/pop3")
struct TranscriptTests {
    @Test("goes as written", arguments: try Transcript.all("pop3"))
    func perform(_ transcript: Transcript) async throws {
        try await perform(transcript, over: .memory, byteByByte: false)
    }

    @Test("goes as written byte by byte", arguments: try Transcript.all("pop3").filter { $0.settings["segments"] != "whole" })
    func performByteByByte(_ transcript: Transcript) async throws {
        try await perform(transcript, over: .memory, byteByByte: true)
    }

    @Test("goes as written over the store that keeps mail", arguments: try Transcript.all("pop3").filter { $0.settings["fault"] == nil })
    func performOnDisk(_ transcript: Transcript) async throws {
        try await perform(transcript, over: .sqlite, byteByByte: false)
    }

    private func perform(_ transcript: Transcript, over premises: Premises, byteByByte: Bool) async throws {
        let clock = TestClock()
        try await premises.with(clock: { clock.now }) { try await perform(transcript, over: $0, clock, byteByByte: byteByByte) }
    }

    private func perform(_ transcript: Transcript, over store: any House.Ports, _ clock: TestClock, byteByByte: Bool) async throws {
        let house = try await House(over: store, clock: clock) { settings in
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
