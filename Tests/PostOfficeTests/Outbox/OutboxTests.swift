import Conversation
import MailModel
import Storage
import Synchronization
import Testing

@testable import PostOffice

@Suite("The outbox brings mail to other servers: RFC 5321 §4.5.4")
struct OutboxTests {
    @Test("what is queued is brought to its domain's server, and leaves the queue; a connection brings the next message too")
    func delivery() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        try await house.send(["dora@a.example"])
        try await house.send(["emil@a.example"])
        #expect(house.carrier.recipients == ["dora@a.example", "emil@a.example"])
        #expect(house.carrier.attempts.map(\.address) == ["9.0.0.1"])
        #expect(house.carrier.attempts.first?.ownName.value == "mail.example.test")
        #expect(house.carrier.deliveries.first?.text == "Subject: x\r\n\r\nHello\r\n")
        #expect(try await house.entries.isEmpty)
        #expect(try await house.mail().isEmpty)
        let kinds = house.events.all.map(\.kind)
        #expect(kinds == [.delivered, .delivered])
        await house.outbox.stop()
        #expect(house.carrier.open == 0)
    }

    @Test("what was queued before a start is found at it")
    func start() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        for _ in 0..<3 { try await house.queue(["dora@a.example"]) }
        try await house.outbox.start()
        await house.outbox.whenQuiet()
        #expect(house.carrier.recipients.count == 3)
        #expect(try await house.entries.isEmpty)
    }

    @Test("one transaction for all recipients of a domain, one for each domain; 100 recipients at most")
    func grouping() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        try house.domain("b.example", at: "9.0.0.2")
        try await house.send((0..<150).map { "u\($0)@a.example" } + ["x@b.example"])
        #expect(house.carrier.deliveries.map(\.recipients.count).sorted() == [1, 50, 100])
        #expect(Set(house.carrier.recipients).count == 151)
    }

    @Test("each recipient goes its own way: one has it, one is tried again, one fails and alone is reported")
    func perRecipient() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        house.carrier.set { delivery in
            CarrierReport(
                outcomes: delivery.recipients.map { recipient in
                    if recipient.hasPrefix("no") {
                        return .refused(RemoteReply(code: 550, status: .permanent(1, 1), lines: ["No such user"]), isPermanent: true)
                    }
                    if recipient.hasPrefix("later") {
                        return .refused(RemoteReply(code: 451, status: .transient(7, 1), lines: ["Greylisted"]), isPermanent: false)
                    }
                    return .delivered(ScriptedCarrier.ok, relaysNotify: false)
                }, isUsable: true)
        }
        try await house.send(["yes@a.example", "later@a.example", "no@a.example"])
        let entry = try #require(try await house.entries.first)
        #expect(entry.progress.map(\.phase) == [.delivered, .waiting, .failed])
        #expect(entry.progress[1].last?.reply?.written == "451 4.7.1 Greylisted")
        #expect(entry.progress[1].attempts == 1 && entry.progress[1].due == Timestamp(rawValue: house.clock.now.rawValue + 300))
        let report = try #require(try await house.mail().first)
        #expect(report.contains("Final-Recipient: rfc822; no@a.example\r\nAction: failed\r\nStatus: 5.1.1"))
        #expect(!report.contains("later@a.example") && !report.contains("yes@a.example"))
        #expect(report.contains("No such user"))
        house.carrier.set { ScriptedCarrier.taken($0) }
        await house.pass(301)
        #expect(house.carrier.deliveries.last?.recipients == ["later@a.example"])
        #expect(try await house.entries.isEmpty)
        #expect(try await house.mail().count == 1)
    }

    @Test("five days of no: tried at growing intervals, its sender told after four hours and at the end, once each")
    func fiveDays() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        house.carrier.set { ScriptedCarrier.refused($0, 450, "Come back later") }
        try await house.send(["dora@a.example"])
        await house.pass(4 * 3_600 + 1)
        let delay = try await house.mail()
        #expect(delay.count == 1 && delay[0].contains("Action: delayed") && delay[0].contains("Will-Retry-Until"))
        await house.pass(5 * 86_400 - 4 * 3_600 - 3)
        #expect(try await house.entries.count == 1)
        await house.pass(3)
        #expect(try await house.entries.isEmpty)
        let mail = try await house.mail()
        #expect(mail.count == 2 && mail[1].contains("Action: failed") && mail[1].contains("Come back later"))
        // 0, 5, 15, 35, 75, 155, 315 minutes, then every four hours, and at the very end.
        #expect(house.carrier.deliveries.count == 36)
        await house.pass(30 * 86_400)
        #expect(house.carrier.deliveries.count == 36)
        #expect(try await house.mail().count == 2)
    }

    @Test("a report that fails is not reported on; nor is anything without a reverse path")
    func nullSender() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        try house.domain("b.example", at: "9.0.0.2")
        house.carrier.set { ScriptedCarrier.refused($0, 550) }
        try await house.send(["dora@a.example"], from: "<emil@b.example>")
        // The report went out, from nobody, and failed too.
        #expect(house.carrier.recipients == ["dora@a.example", "emil@b.example"])
        #expect(house.carrier.deliveries.last?.reversePath == .null)
        #expect(house.carrier.deliveries.last?.text.contains("Auto-Submitted: auto-replied") == true)
        #expect(try await house.entries.isEmpty)
        try await house.send(["dora@a.example"], from: "<>")
        #expect(house.carrier.deliveries.count == 3)
        #expect(try await house.entries.isEmpty)
    }

    // MARK: Names

    @Test("a domain that takes no mail, or is not there, fails at once; what nobody could look up does not")
    func names() async throws {
        let house = try await OutboxHouse()
        try house.names.setExchangers(of: "null.example", [(0, ".")])
        try house.names.setFault(.mx, of: "dark.example", .failed(code: 2))
        try await house.send(["a@null.example", "b@nowhere.example", "c@dark.example"])
        let entry = try #require(try await house.entries.first)
        #expect(entry.progress.map(\.phase) == [.failed, .failed, .waiting])
        #expect(entry.progress.map { $0.last?.status?.description } == ["5.1.10", "5.1.2", "4.4.3"])
        await house.pass(60)
        #expect(try await house.mail().count == 1)
        #expect(house.carrier.attempts.isEmpty)
        try house.domain("dark.example", at: "9.0.0.1")
        await house.pass(1_300)
        #expect(house.carrier.recipients == ["c@dark.example"])
    }

    // MARK: Servers

    @Test("the next server is asked where one cannot be reached; all of them are, before the message waits")
    func fallback() async throws {
        let house = try await OutboxHouse()
        try house.names.setExchangers(of: "a.example", [(10, "mx1.a.example"), (20, "mx2.a.example")])
        try house.names.setAddresses(of: "mx1.a.example", ["9.0.0.1"])
        try house.names.setAddresses(of: "mx2.a.example", ["9.0.0.2"])
        house.carrier.set(connecting: { if $0.address == "9.0.0.1" { throw CarrierFault.unreachable("no answer") } })
        try await house.send(["dora@a.example"])
        #expect(house.carrier.attempts.map(\.address) == ["9.0.0.1", "9.0.0.2"])
        #expect(try await house.entries.isEmpty)
        // The one that answered is asked first for a while.
        await house.pass(30)
        try await house.send(["emil@a.example"])
        #expect(house.carrier.attempts.map(\.address) == ["9.0.0.1", "9.0.0.2", "9.0.0.2"])
        house.carrier.set(connecting: { _ in throw CarrierFault.unreachable("no answer") })
        await house.pass(30)
        try await house.send(["fred@a.example"])
        #expect(house.carrier.attempts.count == 5)
        let waiting = try #require(try await house.entries.first?.progress.first)
        #expect(waiting.phase == .waiting && waiting.last?.reason == "no answer" && waiting.last?.status?.description == "4.4.1")
    }

    @Test("TLS that fails is left out for an hour, on a connection of its own; never where it is required")
    func tlsFallback() async throws {
        let house = try await OutboxHouse(
            routes: [
                OutgoingRoute(
                    name: "smart", hosts: [OutgoingRoute.Host(try #require(Domain("relay.example")), port: 587)], encryption: .required(implicit: false))
            ], ways: [.domain(try #require(Domain("b.example"))): .route("smart")])
        try house.domain("a.example", at: "9.0.0.1")
        try house.names.setAddresses(of: "relay.example", ["9.0.0.9"])
        house.carrier.set(connecting: { if $0.encryption != .never { throw CarrierFault.tls(TLSFailure(.notTrusted, "bad certificate")) } })
        try await house.send(["dora@a.example"])
        #expect(house.carrier.attempts.map(\.encryption) == [.opportunistic, .never])
        #expect(try await house.entries.isEmpty)
        await house.pass(60)
        try await house.send(["dora@a.example"])
        #expect(house.carrier.attempts.map(\.encryption) == [.opportunistic, .never, .never])
        await house.pass(3_600)
        try await house.send(["dora@a.example"])
        #expect(house.carrier.attempts.suffix(2).map(\.encryption) == [.opportunistic, .never])
        try await house.send(["emil@b.example"])
        #expect(house.carrier.attempts.last?.encryption == .required(implicit: false) && house.carrier.attempts.last?.port == 587)
        #expect(try await house.entries.count == 1)
    }

    @Test("servers that turn us away for good are believed when all do; for now, they are asked again")
    func refusedGreeting() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        try house.domain("b.example", at: "9.0.0.2")
        house.carrier.set(connecting: { server in
            throw CarrierFault.refused(RemoteReply(code: server.address == "9.0.0.1" ? 554 : 421, status: nil, lines: ["Not you"]))
        })
        try await house.send(["dora@a.example", "emil@b.example"])
        let entry = try #require(try await house.entries.first)
        #expect(entry.progress.map(\.phase) == [.failed, .waiting])
        #expect(entry.progress.map { $0.last?.reply?.code } == [554, 421])
    }

    @Test("a thousand messages to a server that is down are one try at a time, and another domain's mail leaves at once")
    func deadSite() async throws {
        let house = try await OutboxHouse()
        try house.domain("dead.example", at: "9.0.0.1")
        try house.domain("live.example", at: "9.0.0.2")
        house.carrier.set(connecting: { if $0.address == "9.0.0.1" { throw CarrierFault.unreachable("no answer") } })
        for _ in 0..<1_000 { try await house.queue(["x@dead.example"]) }
        try await house.outbox.start()
        await house.outbox.whenQuiet()
        let first = house.carrier.attempts.count
        #expect(first <= 2)
        try await house.send(["y@live.example"])
        #expect(house.carrier.recipients == ["y@live.example"])
        await house.pass(86_400)
        // Every twenty minutes at most one, and one that a message's own schedule brings.
        #expect(house.carrier.attempts.count < 200)
        house.carrier.set(connecting: { _ in })
        await house.pass(1_300)
        #expect(try await house.entries.isEmpty)
        #expect(house.carrier.recipients.count == 1_001)
    }

    @Test("new mail for a server that is down waits with the rest; what is due by an administrator's word is tried at once")
    func newMailForDeadSite() async throws {
        let house = try await OutboxHouse()
        try house.domain("dead.example", at: "9.0.0.1")
        house.carrier.set(connecting: { _ in throw CarrierFault.unreachable("no answer") })
        for _ in 0..<100 { try await house.send(["x@dead.example"]) }
        #expect(house.carrier.attempts.count == 1)
        let last = try #require(try await house.entries.last)
        await house.outbox.changed([last.id])
        await house.outbox.whenQuiet()
        #expect(house.carrier.attempts.count == 2)
    }

    @Test("whose message waits behind a server that is down is told so, though another's message did the asking")
    func delayBehindOthers() async throws {
        let house = try await OutboxHouse()
        try house.domain("dead.example", at: "9.0.0.1")
        house.carrier.set(connecting: { _ in throw CarrierFault.unreachable("no answer") })
        for _ in 0..<40 { try await house.queue(["x@dead.example"]) }
        try await house.outbox.start()
        await house.pass(4 * 3_600 + 1)
        #expect(try await house.entries.contains { $0.progress[0].attempts == 0 })
        #expect(try await house.mail().count == 40)
        #expect(try await house.entries.allSatisfy { $0.progress[0].isTold })
    }

    @Test("on a full disk it is written down who has it, and whom it failed for is told when there is room")
    func full() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        house.carrier.set { delivery in
            CarrierReport(
                outcomes: delivery.recipients.map { recipient in
                    recipient.hasPrefix("no")
                        ? .refused(RemoteReply(code: 550, status: .permanent(1, 1), lines: ["No such user"]), isPermanent: true)
                        : .delivered(ScriptedCarrier.ok, relaysNotify: false)
                }, isUsable: true)
        }
        let id = try await house.queue(["yes@a.example", "no@a.example"])
        house.store.isFull = true
        await house.outbox.queued([id])
        // It is tried again in ten seconds, and again.
        for _ in 0..<3 {
            let again = Timestamp(rawValue: house.clock.now.rawValue + 10)
            while house.clock.next != again { await Task.yield() }
            #expect(try await house.entries.first?.progress.map(\.phase) == [.delivered, .waiting])
            house.clock.advance(to: again)
        }
        while house.clock.next == nil { await Task.yield() }
        #expect(try await house.mail().isEmpty)
        house.store.isFull = false
        house.clock.advance(by: 10)
        await house.outbox.whenQuiet()
        #expect(try await house.mail().first?.contains("Final-Recipient: rfc822; no@a.example\r\nAction: failed") == true)
        #expect(try await house.entries.isEmpty)
        #expect(house.carrier.recipients == ["yes@a.example", "no@a.example"])
    }

    @Test("a failure that a stop kept from being told is told after the start")
    func untoldAtStart() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        let id = try await house.queue(["no@a.example", "later@a.example"])
        let later = Timestamp(rawValue: house.clock.now.rawValue + 10_000)
        var update = QueueUpdate(id)
        update.recipients = [
            0: RecipientProgress(phase: .failed, attempts: 1, due: house.clock.now), 1: RecipientProgress(attempts: 1, due: later),
        ]
        _ = try await house.store.update(update)
        try await house.outbox.start()
        await house.pass(61)
        #expect(try await house.mail().count == 1)
        #expect(try await house.entries.first?.progress[0].isTold == true)
    }

    @Test("with a trace its sender hears that it was passed on: RFC 2852 §4")
    func trace() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        try await house.send(["dora@a.example"]) { draft in
            draft.deliverBy = QueueDraft.Deadline(time: Timestamp(rawValue: draft.arrived.rawValue + 600), isReturned: false, isTraced: true)
        }
        #expect(try await house.mail().first?.contains("Action: relayed") == true)
    }

    @Test("what is to be there by a time, and is not, comes back then: RFC 2852 §4")
    func deadline() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        house.carrier.set { ScriptedCarrier.refused($0, 450) }
        try await house.send(["dora@a.example"]) { draft in
            draft.deliverBy = QueueDraft.Deadline(time: Timestamp(rawValue: draft.arrived.rawValue + 600), isReturned: true)
        }
        await house.pass(601)
        #expect(try await house.entries.isEmpty)
        #expect(try await house.mail().first?.contains("Action: failed") == true)
    }

    @Test("many domains with one server share its connections, which grow with success")
    func sharedSite() async throws {
        var settings = Outbox.Settings()
        settings.connectionsPerSite = 5
        let house = try await OutboxHouse(settings: settings)
        try house.names.setAddresses(of: "mx.big.example", ["9.0.0.1"])
        for index in 0..<100 {
            try house.names.setExchangers(of: "d\(index).example", [(10, "mx.big.example")])
            try await house.queue(["x@d\(index).example"])
        }
        try await house.outbox.start()
        await house.outbox.whenQuiet()
        #expect(house.carrier.recipients.count == 100)
        #expect(house.carrier.mostOpen <= 5 && house.carrier.mostOpen >= 2)
    }

    @Test("where all places for connections are taken, one that has nothing to do makes room")
    func idleMakesRoom() async throws {
        var settings = Outbox.Settings()
        settings.connections = 2
        let house = try await OutboxHouse(settings: settings)
        for (number, name) in ["a.example", "b.example", "c.example", "d.example"].enumerated() { try house.domain(name, at: "9.0.0.\(number + 1)") }
        for name in ["a.example", "b.example", "c.example", "d.example", "a.example"] { try await house.send(["x@\(name)"]) }
        #expect(house.carrier.recipients == ["x@a.example", "x@b.example", "x@c.example", "x@d.example", "x@a.example"])
        #expect(house.carrier.mostOpen == 2)
    }

    @Test("where all places are taken by others' thousands, a site without a connection gets one soon")
    func busyMakeRoom() async throws {
        var settings = Outbox.Settings()
        settings.connections = 2
        let house = try await OutboxHouse(settings: settings)
        for (number, name) in ["a.example", "b.example", "c.example"].enumerated() { try house.domain(name, at: "9.0.0.\(number + 1)") }
        for number in 0..<1_000 { try await house.queue(["x@\(number.isMultiple(of: 2) ? "a" : "b").example"]) }
        try await house.queue(["x@c.example"])
        try await house.outbox.start()
        await house.outbox.whenQuiet()
        #expect(house.carrier.recipients.count == 1_001)
        #expect(try #require(house.carrier.recipients.firstIndex(of: "x@c.example")) < 250)
        #expect(house.carrier.mostOpen == 2)
    }

    @Test("recipients that a server takes no more of in one transaction come in the next one, on the same connection: RFC 5321 §4.5.3.1.10")
    func moreInNext() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        house.carrier.set { delivery in
            CarrierReport(
                outcomes: delivery.recipients.indices.map { $0 < 2 ? .delivered(ScriptedCarrier.ok, relaysNotify: false) : .untried }, isUsable: true)
        }
        try await house.send((1...5).map { "x\($0)@a.example" })
        #expect(house.carrier.deliveries.map(\.recipients.count) == [5, 3, 1] && house.carrier.attempts.count == 1)
        #expect(try await house.entries.isEmpty)
    }

    @Test("addresses that two sites share have no more connections than they may")
    func sharedAddress() async throws {
        var settings = Outbox.Settings()
        settings.connectionsPerAddress = 1
        let house = try await OutboxHouse(settings: settings)
        for name in ["a", "b", "c"] {
            try house.names.setExchangers(of: "\(name).example", [(10, "mx.\(name).example")])
            try house.names.setAddresses(of: "mx.\(name).example", ["9.0.0.1"])
            for _ in 0..<5 { try await house.queue(["x@\(name).example"]) }
        }
        try await house.outbox.start()
        await house.pass(60)
        #expect(house.carrier.recipients.count == 15)
        #expect(house.carrier.mostOpen == 1)
    }

    @Test("a server that ends a connection before it takes anything is not asked again at once; one that ends it later is")
    func endedConnections() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        house.carrier.set { CarrierReport(outcomes: $0.recipients.map { _ in .untried }, isUsable: false) }
        try await house.send(["dora@a.example"])
        #expect(house.carrier.deliveries.count == 1)
        #expect(try await house.entries.first?.progress.first?.attempts == 1)
        // Now the second message of a connection meets its end.
        let seen = Mutex<[Int: Int]>([:])
        house.carrier.set { delivery in
            let isFirst = seen.withLock { seen in
                seen[delivery.connection, default: 0] += 1
                return seen[delivery.connection] == 1
            }
            return isFirst ? ScriptedCarrier.taken(delivery) : CarrierReport(outcomes: delivery.recipients.map { _ in .untried }, isUsable: false)
        }
        await house.pass(301)
        try await house.send(["emil@a.example"])
        try await house.send(["fred@a.example"])
        #expect(try await house.entries.isEmpty)
    }

    @Test("an answer that is lost after the text was sent is said, and it is tried again later")
    func lostAnswer() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        house.carrier.set { CarrierReport(outcomes: $0.recipients.map { _ in .interrupted("the connection was closed", wasSent: true) }, isUsable: false) }
        try await house.send(["dora@a.example"])
        #expect(house.carrier.deliveries.count == 1)
        #expect(try await house.entries.first?.progress.first?.last?.reason?.contains("may have arrived") == true)
    }

    // MARK: Turns

    @Test("one user's thousand does not make another's message wait; a higher priority goes first")
    func turns() async throws {
        var settings = Outbox.Settings()
        settings.connectionsPerSite = 1
        let house = try await OutboxHouse(settings: settings)
        try house.domain("a.example", at: "9.0.0.1")
        let bob = try await house.store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$x").id
        for index in 0..<200 { try await house.queue(["many\(index)@a.example"], account: house.alice) }
        try await house.queue(["one@a.example"], account: bob)
        try await house.queue(["urgent@a.example"], account: house.alice) { $0.priority = 4 }
        try await house.outbox.start()
        await house.outbox.whenQuiet()
        let order = house.carrier.recipients
        #expect(order.count == 202)
        #expect(order.first == "urgent@a.example")
        #expect(try #require(order.firstIndex(of: "one@a.example")) <= 3)
    }

    // MARK: What waits

    @Test("held for its sender, who may take it back; for mailboxes here too")
    func undo() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        let later = Timestamp(rawValue: house.clock.now.rawValue + 30)
        try await house.send(["alice@example.test", "dora@a.example"]) { $0.notBefore = later }
        #expect(house.carrier.deliveries.isEmpty)
        #expect(try await house.mail().isEmpty)
        await house.pass(30)
        #expect(house.carrier.recipients == ["dora@a.example"])
        #expect(try await house.mail() == ["Return-Path: <alice@example.test>\r\nSubject: x\r\n\r\nHello\r\n"])
        #expect(try await house.entries.isEmpty)
        let id = try await house.queue(["alice@example.test"]) { $0.notBefore = Timestamp(rawValue: later.rawValue + 60) }
        await house.outbox.queued([id])
        var update = QueueUpdate(id)
        var progress = try #require(try await house.entries.first?.progress.first)
        progress.phase = .cancelled
        update.recipients[0] = progress
        _ = try await house.store.update(update)
        await house.outbox.changed([id])
        await house.pass(3_600)
        #expect(try await house.mail().count == 1)
    }

    @Test("mail for an account that is gone by then fails, and is reported")
    func unknownHere() async throws {
        let house = try await OutboxHouse()
        try await house.send(["nobody@example.test"]) { $0.notBefore = $0.arrived }
        #expect(try await house.entries.isEmpty)
        let mail = try await house.mail()
        #expect(mail.count == 1 && mail[0].contains("Status: 5.1.1"))
    }

    @Test("a disabled or removed sender's mail is held, until it is released")
    func disabledSender() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        let bob = try await house.store.add(account: AccountName("bob@example.test"), passwordHash: "$argon2id$x").id
        try await house.store.set(enabled: false, of: bob)
        let id = try await house.queue(["dora@a.example"], account: bob)
        await house.outbox.queued([id])
        await house.pass(86_400)
        #expect(try await house.entries.first?.hold == .senderDisabled)
        #expect(house.carrier.deliveries.isEmpty)
        try await house.store.set(enabled: true, of: bob)
        var update = QueueUpdate(id)
        update.hold = .release
        _ = try await house.store.update(update)
        await house.outbox.changed([id])
        await house.outbox.whenQuiet()
        #expect(house.carrier.recipients == ["dora@a.example"])
        try await house.store.set(enabled: false, of: bob)
        try await house.store.remove(account: bob)
        let other = try await house.queue(["dora@a.example"], account: bob)
        await house.outbox.queued([other])
        await house.outbox.whenQuiet()
        #expect(try await house.entries.first?.hold == .senderRemoved)
    }

    @Test("where nothing is sent to others it waits without end, and mailboxes here still get theirs")
    func notSending() async throws {
        var settings = Outbox.Settings()
        settings.sendsToOthers = false
        let house = try await OutboxHouse(settings: settings)
        try house.domain("a.example", at: "9.0.0.1")
        try await house.send(["dora@a.example", "alice@example.test"])
        await house.pass(30 * 86_400)
        #expect(house.carrier.attempts.isEmpty)
        #expect(try await house.entries.first?.progress.map(\.phase) == [.waiting, .delivered])
        #expect(try await house.mail().count == 1)
    }

    @Test("mail from long ago is tried once before it is given up")
    func longAgo() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        try house.domain("b.example", at: "9.0.0.2")
        house.carrier.set { $0.server.address == "9.0.0.1" ? ScriptedCarrier.taken($0) : ScriptedCarrier.refused($0, 450) }
        for name in ["a", "b"] { try await house.queue(["x@\(name).example"]) }
        house.clock.advance(by: 30 * 86_400)
        try await house.outbox.start()
        await house.outbox.whenQuiet()
        #expect(house.carrier.deliveries.count == 2)
        #expect(try await house.entries.isEmpty)
        #expect(try await house.mail().count == 1)
    }

    // MARK: Reports on success

    @Test("who asks for it hears of success, where the next server will not say it itself")
    func success() async throws {
        let house = try await OutboxHouse()
        try house.domain("a.example", at: "9.0.0.1")
        try house.domain("b.example", at: "9.0.0.2")
        house.carrier.set { delivery in
            CarrierReport(
                outcomes: delivery.recipients.map { _ in .delivered(ScriptedCarrier.ok, relaysNotify: delivery.server.address == "9.0.0.1") }, isUsable: true)
        }
        try await house.send(["dora@a.example", "emil@b.example", "alice@example.test"]) { draft in
            draft.recipients = draft.recipients.map { QueuedRecipient($0.path, notify: [.success, .failure]) }
            draft.notBefore = draft.arrived
        }
        let mail = try await house.mail().filter { $0.contains("delivery-status") }.joined()
        #expect(mail.contains("emil@b.example\r\nAction: relayed"))
        #expect(mail.contains("alice@example.test\r\nAction: delivered"))
        #expect(!mail.contains("dora@a.example"))
    }
}
