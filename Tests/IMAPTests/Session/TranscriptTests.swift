import MailModel
import Rehearsal
import Storage
import Testing

@Suite("Transcripts/imap")
struct TranscriptTests {
    @Test("goes as written, whole and byte by byte", arguments: try Transcript.all("imap"), [false, true])
    func perform(_ transcript: Transcript, byteByByte: Bool) async throws {
        try await perform(transcript, over: .memory, byteByByte: byteByByte)
    }

    @Test("goes as written over the store that keeps mail", arguments: try Transcript.all("imap").filter { $0.settings["fault"] == nil })
    func performOnDisk(_ transcript: Transcript) async throws {
        try await perform(transcript, over: .sqlite, byteByByte: false)
    }

    private func perform(_ transcript: Transcript, over premises: Premises, byteByByte: Bool) async throws {
        // Whoever begins at the beginning of time gives UIDVALIDITY 1, 2, 3.
        let now = transcript.settings["dated"] == nil ? Timestamp(rawValue: 0) : House.now
        try await premises.with(clock: { now }) { try await perform(transcript, over: $0, byteByByte: byteByByte) }
    }

    private func perform(_ transcript: Transcript, over store: any House.Ports, byteByByte: Bool) async throws {
        let house = try await House(over: store, scram: transcript.settings["scram"] != nil) { settings in
            settings.allowsPlaintextOnLoopback = transcript.settings["plaintext"] != nil
            settings.offersTLS = transcript.settings["no-tls"] == nil
            if let step = transcript.settings["ticking"].flatMap(Int64.init) { settings.tick(by: step) }
            settings.allowsUnauthenticate = transcript.settings["no-unauthenticate"] == nil
            if let most = transcript.settings["messages-at-once"].flatMap({ Int($0) }) { settings.messagesAtOnce = most }
        }
        try await house.furnish(transcript.settings)
        let isPlain = transcript.settings["stranger"] != nil
        let certified = transcript.settings["certificate"].map { House.certified($0) }
        let secure = certified ?? (transcript.settings["scram"] == nil ? House.secure : House.bound)
        try await transcript.perform(house.worker, byteByByte: byteByByte, facts: isPlain ? .rehearsal(to: 143) : secure)
    }

    @Test("there are some")
    func some() throws {
        #expect(try Transcript.all("imap").count > 20)
    }
}
