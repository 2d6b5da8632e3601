import Conversation
import Rehearsal
import SMTP
import Testing

@Suite struct TranscriptTests {
    /// Every conversation in Tests/Transcripts/smtp, in segments as written, and byte by byte.
    @Test("the transcripts are performed as written", arguments: try Transcript.all("smtp"))
    func performs(_ transcript: Transcript) async throws {
        for byteByByte in transcript.settings["segments"] == "whole" ? [false] : [false, true] {
            let house = try await House()
            let role: SMTPRole =
                switch transcript.settings["role"] {
                case "submission": .submission
                case "submissions": .submissions
                default: .mx
                }
            let worker = try house.worker(role) { settings in
                if let limit = transcript.settings["size-limit"].flatMap({ Int($0) }) { settings.messageLimit = limit }
                if let limit = transcript.settings["error-limit"].flatMap({ Int($0) }) { settings.errorLimit = limit }
                if let limit = transcript.settings["rcpt-limit"].flatMap({ Int($0) }) { settings.recipientLimit = limit }
                if let limit = transcript.settings["mail-limit"].flatMap({ Int($0) }) { settings.mailLimit = limit }
                settings.allowsPlaintextLoginOnLoopback = transcript.settings["plaintext-login"] == "loopback"
                settings.offersStartTLS = transcript.settings["certificate"] != "none"
            }
            let address = transcript.settings["from"] ?? "192.0.2.7"
            let facts = ConnectionFacts.rehearsal(from: address, tls: role == .submissions ? TLSFacts(version: "TLSv1.3") : nil)
            try await transcript.perform(worker, byteByByte: byteByByte, facts: facts)
        }
    }

    @Test("there are transcripts")
    func exist() throws {
        #expect(try Transcript.all("smtp").count >= 15)
    }
}
