import Conversation
import MailModel
import PostOffice
import Rehearsal
import SMTP
import Storage
import Testing

@Suite struct TranscriptTests {
    /// Every conversation in Tests/Transcripts/smtp, in segments as written.
    @Test("the transcripts are performed as written, over every store", arguments: try Transcript.all("smtp"), Premises.allCases)
    func performs(_ transcript: Transcript, premises: Premises) async throws {
        try await premises.with(clock: { House.now }) { try await perform(transcript, over: $0, byteByByte: false) }
    }

    @Test("and byte by byte", arguments: try Transcript.all("smtp").filter { $0.settings["segments"] != "whole" })
    func performsByteByByte(_ transcript: Transcript) async throws {
        try await Premises.memory.with(clock: { House.now }) { try await perform(transcript, over: $0, byteByByte: true) }
    }

    private func perform(_ transcript: Transcript, over store: any House.Ports, byteByByte: Bool) async throws {
        let house = try await House(over: store)
        let role: SMTPRole =
            switch transcript.settings["role"] {
            case "submission": .submission
            case "submissions": .submissions
            case "local": .local
            default: .mx
            }
        let worker = try house.worker(role) { settings in
            if let limit = transcript.settings["size-limit"].flatMap({ Int($0) }) { settings.messageLimit = limit }
            if let limit = transcript.settings["error-limit"].flatMap({ Int($0) }) { settings.errorLimit = limit }
            if let limit = transcript.settings["rcpt-limit"].flatMap({ Int($0) }) { settings.recipientLimit = limit }
            if let limit = transcript.settings["mail-limit"].flatMap({ Int($0) }) { settings.mailLimit = limit }
            settings.allowsPlaintextLoginOnLoopback = transcript.settings["plaintext-login"] == "loopback"
            settings.relay = try relay(transcript)
            if transcript.settings["queue"] == "on" { settings.queue = QueueOffer() }
            settings.localDomain = House.domain
            settings.offersDSN = transcript.settings["dsn"] == "on"
            settings.offersStartTLS = transcript.settings["certificate"] != "none"
        }
        let address = transcript.settings["from"] ?? "192.0.2.7"
        let facts = ConnectionFacts.rehearsal(from: address, tls: role == .submissions ? TLSFacts(version: "TLSv1.3") : nil)
        try await transcript.perform(worker, byteByByte: byteByByte, facts: facts)
    }

    private func relay(_ transcript: Transcript) throws -> RelayRules? {
        let (domains, networks) = (transcript.settings["relay-domains"], transcript.settings["relay-networks"])
        guard domains != nil || networks != nil else { return nil }
        return RelayRules(
            domains: Set(try (domains ?? "").split(separator: " ").map { try #require(Domain($0)) }), networks: try NetworkList(networks ?? ""))
    }

    @Test("there are transcripts")
    func exist() throws {
        #expect(try Transcript.all("smtp").count >= 15)
    }
}
