import MailModel
import PostOffice
import Storage
import Testing

@testable import SMTP

@Suite("What a user asks of the outgoing queue reaches it")
struct SubmissionQueueTests {
    private static let text =
        "Date: d\r\nFrom: <alice@example.test>\r\nMessage-ID: <1@a>\r\n\r\nbody\r\n"

    private func after(_ seconds: Int64) -> Timestamp {
        Timestamp(rawValue: House.now.rawValue + seconds)
    }

    /// Submits one message; returns the last reply.
    private func submit(
        _ house: House, _ parameters: String, to recipients: [String], field: String = "",
        _ change: (inout SMTPSettings) throws -> Void = { _ in }
    ) async throws -> String {
        let talk = try await house.alicesTalk { settings in
            settings.relay = RelayRules()
            settings.queue = QueueOffer()
            try change(&settings)
        }
        let reply = await talk.send("MAIL FROM:<alice@example.test>\(parameters)\r\n")
        guard reply.hasPrefix("250") else { return reply }
        for recipient in recipients {
            #expect(await talk.send("RCPT TO:<\(recipient)>\r\n").hasPrefix("250"), "\(recipient)")
        }
        _ = await talk.send("DATA\r\n")
        return await talk.send(field + Self.text + ".\r\n")
    }

    @Test(
        "for the time in which it may be taken back it is in the queue alone, for recipients here too")
    func hold() async throws {
        let house = try await House()
        let recipients = [
            "bob@example.test", "victim@remote.example", "BOB@example.test", "postmaster@[192.0.2.25]",
            "bob@[192.0.2.25]", "postmaster",
        ]
        #expect(try await submit(house, "", to: recipients) { $0.queue?.hold = 30 }.hasPrefix("250"))
        let queued = try #require(try await house.queue().first)
        #expect(
            queued.entry.draft.recipients.map(\.path.written) == [
                "<bob@example.test>", "<victim@remote.example>", "<postmaster>",
            ])
        #expect(
            queued.entry.draft.notBefore == after(30) && queued.entry.draft.sender == house.alice.id)
        #expect(queued.entry.progress.map(\.due) == [after(30), after(30), after(30)])
        #expect(House.withoutTrace(queued.text) == Self.text)
        #expect(try await house.queue().count == 1)
        for account in [house.alice, house.bob] { #expect(try await house.mail(of: account).isEmpty) }
    }

    @Test("an address literal of ours stands in the queue as the address that it means")
    func literal() async throws {
        let house = try await House()
        #expect(
            try await submit(house, " HOLDFOR=9", to: ["bob@[192.0.2.25]", "x@[203.0.113.5]"]).hasPrefix(
                "250"))
        let queued = try #require(try await house.queue().first)
        #expect(
            queued.entry.draft.recipients.map(\.path.written) == [
                "<bob@example.test>", "<x@[203.0.113.5]>",
            ])
    }

    @Test("what comes from elsewhere waits for nobody")
    func strangers() async throws {
        let house = try await House()
        let talk = try await house.talk { $0.queue = QueueOffer() }
        #expect(await talk.send("MAIL FROM:<a@remote.example> HOLDFOR=1\r\n").hasPrefix("555 5.5.4"))
        await house.data(talk)
        #expect(await talk.send("Subject: x\r\n\r\n.\r\n").hasPrefix("250"))
        #expect(try await house.mail(of: house.alice).count == 1)
        #expect(try await house.queue().isEmpty)
    }

    @Test(
        "FUTURERELEASE: RFC 4865 §4",
        arguments: [
            (" HOLDFOR=1", 1, "250 2.0.0"), (" HOLDFOR=3600", 3_600, "250 2.0.0"),
            (" HOLDFOR=3601", 0, "501 5.5.4"), (" HOLDFOR=0", 0, "501 5.5.4"),
            (" HOLDUNTIL=2026-11-22T00:35:01Z", 1, "250 2.0.0"),
            (" HOLDUNTIL=2026-11-22T02:35:00+01:00", 3_600, "250 2.0.0"),
            (" HOLDUNTIL=2026-11-22T01:35:01Z", 0, "501 5.5.4"),
            (" HOLDUNTIL=2026-11-22T00:35:00Z", 0, "501 5.5.4"),
            (" HOLDUNTIL=1900-01-01T00:00:00Z", 0, "501 5.5.4"),
            (" HOLDUNTIL=9999-12-31T23:59:59Z", 0, "501 5.5.4"),
            (" HOLDFOR=1 HOLDUNTIL=2026-11-22T00:35:01Z", 0, "501 5.5.4"),
            (" HOLDFOR=60 BY=60;R", 0, "501 5.5.4"), (" HOLDFOR=60 BY=61;R", 60, "250 2.0.0"),
            (" HOLDFOR=60 BY=-5;N", 0, "501 5.5.4"), ("", 5, "250 2.0.0"), (" HOLDFOR=3", 5, "250 2.0.0"),
        ])
    func futureRelease(_ parameters: String, _ seconds: Int64, _ reply: String) async throws {
        let house = try await House()
        let got = try await submit(house, parameters, to: ["bob@example.test"]) { settings in
            settings.queue?.longestHold = 3_600
            // The longer time counts.
            if seconds == 5 { settings.queue?.hold = 5 }
        }
        #expect(got.hasPrefix(reply), "\(got)")
        let queue = try await house.queue()
        #expect(queue.map(\.entry.draft.notBefore) == (seconds == 0 ? [] : [after(seconds)]))
        #expect(try await house.mail(of: house.bob).isEmpty)
    }

    @Test(
        "DELIVERBY: RFC 2852 §3, §4",
        arguments: [
            (" BY=120;R", 120, true, false, "250 2.0.0"), (" by=+60;rt", 60, true, true, "250 2.0.0"),
            (" BY=59;R", 0, false, false, "550 5.4.7"),
            (" BY=1;N", 1, false, false, "250 2.0.0"), (" BY=0;NT", 0, false, true, "250 2.0.0"),
            (" BY=-999999999;N", -999_999_999, false, false, "250 2.0.0"),
            (" BY=0;R", 0, false, false, "501 5.5.4"), (" BY=1000000000;N", 0, false, false, "501 5.5.4"),
            (" BY=60;R BY=60;R", 0, false, false, "501 5.5.4"),
        ])
    func deliverBy(
        _ parameter: String, _ seconds: Int64, _ isReturned: Bool, _ isTraced: Bool, _ reply: String
    ) async throws {
        let house = try await House()
        let got = try await submit(house, parameter, to: ["victim@remote.example"])
        #expect(got.hasPrefix(reply), "\(got)")
        let deadline = QueueDraft.Deadline(
            time: after(seconds), isReturned: isReturned, isTraced: isTraced)
        #expect(
            try await house.queue().map(\.entry.draft.deliverBy)
                == (reply.hasPrefix("250") ? [deadline] : []))
    }

    @Test(
        "MT-PRIORITY: RFC 6710 §4, §5",
        arguments: [
            (" MT-PRIORITY=9", 9, "250 2.0.0"), (" mt-priority=-9", -9, "250 2.0.0"),
            (" MT-PRIORITY=0", 0, "250 2.0.0"), (" MT-PRIORITY=10", nil, "501 5.5.4"),
            (" MT-PRIORITY=-0", nil, "501 5.5.4"), (" MT-PRIORITY=x", nil, "501 5.5.4"),
            (" MT-PRIORITY", nil, "501 5.5.4"),
        ] as [(String, Int8?, String)])
    func priority(_ parameter: String, _ priority: Int8?, _ reply: String) async throws {
        let house = try await House()
        let got = try await submit(house, parameter, to: ["victim@remote.example"])
        #expect(got.hasPrefix(reply), "\(got)")
        let queue = try await house.queue()
        #expect(queue.map(\.entry.draft.priority) == (priority.map { [$0] } ?? []))
        if let priority {
            #expect(queue.first?.text.contains("\r\n\tpriority \(priority);\r\n") == true)
        }
    }

    @Test("REQUIRETLS, and TLS-Required: RFC 8689 §4.1, §5")
    func requireTLS() async throws {
        for (parameter, field, traits) in [
            (" REQUIRETLS", "", [.requiresTLS]), ("", "TLS-Required: No\r\n", [.waivesTLS]), ("", "TLS-Required: yes\r\n", []),
            (" REQUIRETLS", "TLS-Required: No\r\n", [.requiresTLS, .waivesTLS]),
        ] as [(String, String, QueueDraft.Traits)] {
            let house = try await House()
            #expect(try await submit(house, parameter, to: ["victim@remote.example"], field: field).hasPrefix("250"))
            #expect(try await house.queue().map(\.entry.draft.traits) == [traits])
        }
    }

    @Test("all of them together, and one message that goes abroad and stays")
    func together() async throws {
        let house = try await House()
        let parameters = " HOLDFOR=60 BY=600;R MT-PRIORITY=3 SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x"
        #expect(
            try await submit(house, parameters, to: ["victim@remote.example", "bob@example.test"]) {
                $0.offersDSN = true
            }.hasPrefix("250"))
        let draft = try #require(try await house.queue().first).entry.draft
        #expect(
            draft.notBefore == after(60) && draft.deliverBy?.time == after(600) && draft.priority == 3)
        #expect(
            draft.envelopeID == "x" && draft.traits == [.returnsHeader] && draft.recipients.count == 2)
    }
}
