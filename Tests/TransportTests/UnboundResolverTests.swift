import Conversation
import MailModel
import Rehearsal
import Synchronization
import Testing

@testable import Transport

@Suite("DNS by libunbound, against a name server that lies", .timeLimit(.minutes(20)))
struct UnboundResolverTests {
    private func domain(_ text: String) throws -> Domain { try #require(Domain(text)) }

    /// A resolver that asks a stub for everything, and trusts nobody.
    private func with(
        patience: Duration = .seconds(300), _ behaviour: @escaping StubNameServer.Behaviour, change: (inout ResolverSetting) -> Void = { _ in },
        _ body: (UnboundResolver, StubNameServer) async throws -> Void
    ) async throws {
        try await StubNameServer.with(behaviour) { server, port in
            var setting = ResolverSetting()
            setting.forwarders = [.init(try #require(IPAddress("127.0.0.1")), port: port)]
            setting.anchor = .none
            setting.patience = patience
            change(&setting)
            let resolver = try UnboundResolver(setting)
            do { try await body(resolver, server) } catch {
                await resolver.close()
                throw error
            }
            await resolver.close()
        }
    }

    /// What a question for A ends in.
    private func fault(_ resolver: UnboundResolver, _ name: String, _ type: RecordType = .a) async throws -> ResolverFault {
        try #require(await #expect(throws: ResolverFault.self) { _ = try await resolver.rdata(type, of: domain(name)) })
    }

    /// Asked again while libunbound, which has seen its only server silent, will not ask it: that passes.
    private func countOfAddresses(_ resolver: UnboundResolver, _ name: String) async throws -> Int {
        while true {
            do { return try await resolver.addresses(of: domain(name), .ipv4).records.count } catch ResolverFault.failed(code: 2) { continue }
        }
    }

    @Test("A, AAAA and MX, compressed names written out: RFC 1035 §4.1.4, RFC 3597 §4")
    func records() async throws {
        try await with { query in
            switch query.type {
            case 1: [query.reply([StubNameServer.record(1, [9, 0, 0, 1]), StubNameServer.record(1, [9, 0, 0, 2])])]
            case 28: [query.reply([StubNameServer.record(28, [0x26, 0] + [UInt8](repeating: 0, count: 13) + [1])])]
            case 15:
                [
                    query.reply([
                        StubNameServer.record(15, [0, 20, 3] + Array("mx2".utf8) + [0xC0, 0x0C]),
                        StubNameServer.record(15, [0, 10, 2] + Array("mx".utf8) + [0xC0, 0x0C]),
                        StubNameServer.record(15, [0, 5, 2] + Array("a*".utf8) + [0xC0, 0x0C]),
                    ])
                ]
            default: [query.denial(code: 0)]
            }
        } _: { (resolver, _) async throws in
            let host = try domain("a.example")
            let v4 = try await resolver.addresses(of: host, .ipv4)
            #expect(Set(v4.records.map(\.description)) == ["9.0.0.1", "9.0.0.2"])
            #expect(v4.denial == nil && !v4.isSecure && v4.canonicalName == nil && (1...300).contains(v4.ttl))
            #expect(try await resolver.addresses(of: host, .ipv6).records.map(\.description) == ["2600::1"])
            let exchangers = try await resolver.mailExchangers(of: host)
            #expect(exchangers.records.map { "\($0.preference) \($0.host?.value ?? "-")" } == ["10 mx.a.example", "20 mx2.a.example"])
        }
    }

    @Test("no such name is told from no such record: RFC 2308 §2")
    func denials() async throws {
        try await with { query in
            query.name == "gone.example" ? [query.denial(code: 3)] : [query.denial(code: 0)]
        } _: { (resolver, _) async throws in
            let gone = try await resolver.rdata(.mx, of: domain("gone.example"))
            #expect(gone.denial == .noSuchName && gone.records.isEmpty && (1...60).contains(gone.ttl))
            #expect(try await resolver.rdata(.mx, of: domain("here.example")).denial == .noRecords)
            #expect(try await resolver.rdata(.tlsa, of: domain("_25._tcp.here.example")).denial == .noRecords)
        }
    }

    @Test("an alias is followed, and its end told")
    func alias() async throws {
        try await with { query in
            let target = [4] + Array("real".utf8) + [7] + Array("example".utf8) + [0]
            guard query.name == "alias.example" else { return [query.reply([StubNameServer.record(1, [9, 0, 0, 1])])] }
            return [query.reply([StubNameServer.record(5, target), StubNameServer.record(target, 1, [9, 0, 0, 1])])]
        } _: { (resolver, _) async throws in
            let answer = try await resolver.addresses(of: domain("alias.example"), .ipv4)
            #expect(answer.records.map(\.description) == ["9.0.0.1"] && answer.canonicalName?.value == "real.example")
        }
    }

    @Test("a server that fails, refuses or does not know how is a fault, never \"no such record\"", arguments: [2, 4, 5] as [UInt8])
    func failing(code: UInt8) async throws {
        try await with { query in
            [query.reply(code: code)]
        } _: { (resolver, _) async throws in
            #expect(try await fault(resolver, "a.example") == .failed(code: 2))
            #expect(try await fault(resolver, "a.example", .mx) == .failed(code: 2))
            #expect(await resolver.probe() == .failing(.failed(code: 2)))
        }
    }

    @Test("aliases that go in circles end")
    func aliasLoop() async throws {
        try await with { query in
            let names = ["a.example": "b.example", "b.example": "a.example"]
            return [query.reply([StubNameServer.record(5, NameTable.octets(ofName: names[query.name] ?? "a.example"))])]
        } _: { (resolver, _) async throws in
            let outcome = try await fault(resolver, "a.example")
            #expect(outcome == .failed(code: 2))
        }
    }

    @Test("compression that goes in circles, and packets cut anywhere, are no answers")
    func brokenPackets() async throws {
        try await with(patience: .seconds(2)) { query in
            // The answer's name begins behind the question, and points to itself.
            let here = UInt8(12 + query.octets.count + 4)
            switch query.name {
            case "owner.example": return [query.reply([StubNameServer.record([0xC0, here], 1, [9, 0, 0, 1])])]
            case "data.example": return [query.reply([StubNameServer.record(15, [0, 10, 0xC0, here + 14])])]
            case "cut.example": return [Array(query.reply([StubNameServer.record(1, [9, 0, 0, 1])]).dropLast(3))]
            case "empty.example": return [[]]
            default: return [Array(query.reply().prefix(5))]
            }
        } _: { (resolver, _) async throws in
            for (name, type) in [("owner", RecordType.a), ("data", .mx), ("cut", .a), ("empty", .a), ("head", .a)] {
                do {
                    let answer = try await resolver.rdata(type, of: domain("\(name).example"))
                    Issue.record("\(name): \(answer)")
                } catch let fault as ResolverFault {
                    #expect([.failed(code: 2), .malformed, .timedOut].contains(fault), "\(name): \(fault)")
                }
            }
        }
    }

    @Test("an A record of three octets, which libunbound lets through, is none")
    func shortRecord() async throws {
        try await with { query in
            [query.reply([StubNameServer.record(1, [9, 0, 0])])]
        } _: { (resolver, _) async throws in
            let short = try domain("short.example")
            await #expect(throws: ResolverFault.malformed) { _ = try await resolver.addresses(of: short, .ipv4) }
        }
    }

    @Test("an answer with another id, to another question or of another name is none: RFC 5452 §4")
    func forged() async throws {
        try await with { query in
            let forged = StubNameServer.record(1, [6, 6, 6, 6])
            let other = [5] + Array("other".utf8) + [7] + Array("example".utf8) + [0]
            return [
                query.reply([forged], id: query.id &+ 1), query.reply([forged], id: query.id ^ 0x8000),
                query.reply([StubNameServer.record(1, [9, 0, 0, 1]), StubNameServer.record(other, 1, [6, 6, 6, 6])]),
            ]
        } _: { (resolver, _) async throws in
            #expect(try await resolver.addresses(of: domain("a.example"), .ipv4).records.map(\.description) == ["9.0.0.1"])
        }
    }

    @Test("64 KB over TCP after a truncated answer come whole")
    func truncated() async throws {
        let count = 4_000
        try await with { query in
            guard query.isTCP else { return [query.reply(isTruncated: true)] }
            return [query.reply((0..<count).map { StubNameServer.record(1, [9, 0, UInt8($0 >> 8), UInt8($0 & 0xFF)]) })]
        } _: { (resolver, server) async throws in
            let answer = try await resolver.addresses(of: domain("big.example"), .ipv4)
            let octets = Set(answer.records.map(\.octets))
            #expect(octets.count == count && answer.records.count == count)
            #expect(Set(server.asked.map(\.isTCP)) == [false, true])
        }
    }

    @Test("what is more than 64 KB once its names are written out is a fault, never \"no such record\"")
    func tooLarge() async throws {
        try await with { query in
            guard query.isTCP else { return [query.reply(isTruncated: true)] }
            return [query.reply((0..<3_000).map { StubNameServer.record(15, [0, 10, 4] + Array("\(1_000 + $0)".utf8) + [0xC0, 0x0C]) })]
        } _: { (resolver, _) async throws in
            #expect(try await fault(resolver, "a.rather.long.domain.example", .mx) == .malformed)
        }
    }

    @Test("a server that never answers costs its own question its patience, and no other")
    func silent() async throws {
        try await with(patience: .seconds(6)) { query in
            query.name.hasPrefix("silent") ? [] : [query.reply([StubNameServer.record(1, [9, 0, 0, 1])])]
        } _: { (resolver, _) async throws in
            // Whichever gives up first: we, or libunbound.
            #expect([.timedOut, .failed(code: 2)].contains(try await fault(resolver, "silent.example")))
            #expect(try await countOfAddresses(resolver, "a.example") == 1)
        }
    }

    /// Given up while the server reads the question: later libunbound might have given it up before, on a busy machine.
    @Test("whoever is cancelled waits no longer, nor do others with him")
    func cancelled() async throws {
        let giveUp = Mutex<(@Sendable () -> Void)?>(nil)
        let isReady = AsyncStream.makeStream(of: Void.self)
        try await with { query in
            guard query.name.hasPrefix("silent") else { return [query.reply([StubNameServer.record(1, [9, 0, 0, 1])])] }
            giveUp.withLock { $0 }?()
            return []
        } _: { (resolver, _) async throws in
            let name = try domain("silent.example")
            let task = Task {
                for await _ in isReady.stream { break }
                _ = try await resolver.rdata(.a, of: name)
            }
            giveUp.withLock { $0 = { task.cancel() } }
            isReady.continuation.yield()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await countOfAddresses(resolver, "a.example") == 1)
            let late = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                _ = try await resolver.rdata(.a, of: name)
            }
            await #expect(throws: CancellationError.self) { try await late.value }
        }
    }

    @Test("closing ends every question, those to come too; a second time is as good")
    func closing() async throws {
        let asked = AsyncStream.makeStream(of: Void.self)
        try await with { _ in
            asked.continuation.yield()
            return []
        } _: { (resolver, _) async throws in
            let names = try (0..<300).map { try domain("silent\($0).example") }
            try await withThrowingTaskGroup(of: ResolverFault?.self) { group in
                for name in names {
                    group.addTask {
                        do { _ = try await resolver.rdata(.a, of: name) } catch let fault as ResolverFault { return fault }
                        return nil
                    }
                }
                for await _ in asked.stream { break }
                await resolver.close()
                // One that libunbound gave up before, on a busy machine, has ended too.
                for try await fault in group { #expect(fault == .unavailable("the resolver is closed") || fault == .failed(code: 2)) }
            }
            await resolver.close()
            #expect(try await fault(resolver, "a.example") == .unavailable("the resolver is closed"))
        }
    }

    @Test("a burst of 1,000 different names is answered whole")
    func burst() async throws {
        try await with { query in
            [query.reply([StubNameServer.record(1, [9, 0, 0, 1])])]
        } _: { (resolver, _) async throws in
            let names = try (0..<1_000).map { try domain("h\($0).example") }
            let answered = try await withThrowingTaskGroup(of: Int.self) { group in
                for name in names { group.addTask { try await resolver.addresses(of: name, .ipv4).records.count } }
                return try await group.reduce(0, +)
            }
            #expect(answered == 1_000)
        }
    }

    @Test("what DNS cannot be asked for is refused, without a question")
    func names() async throws {
        try await with { query in
            [query.denial(code: 3)]
        } _: { (resolver, server) async throws in
            for name in ["[192.0.2.1]", "bücher.example"] { #expect(try await fault(resolver, name) == .malformed) }
            let label = String(repeating: "a", count: 50)
            #expect(try await fault(resolver, [label, label, label, label, label].joined(separator: ".")) == .malformed)
            #expect(server.asked.isEmpty)
        }
    }

    @Test("labels of any octets are asked for as they are: RFC 2181 §11")
    func anyOctets() async throws {
        try await with { query in
            [query.reply([StubNameServer.record(1, [9, 0, 0, 1])])]
        } _: { (resolver, server) async throws in
            let labels: [[UInt8]] = [Array("foo:bar/baz \\ a.b@\"%;".utf8), [0, 9, 0x7F, 0x80, 0xFF], Array("example".utf8)]
            #expect(try await resolver.addresses(of: #require(DNSName(labels: labels)), .ipv4).records.count == 1)
            var octets = labels.flatMap { [UInt8($0.count)] + $0 }
            octets.append(0)
            #expect(server.asked.map(\.octets) == [octets])
        }
    }

    @Test("records of all lengths and any octets: what is no record is left out; where none is one, the answer makes no sense")
    func rubbish() async throws {
        let chance = Mutex(Mutator.Chance(seed: 11))
        try await with { query in
            let data = chance.withLock { chance in
                (0..<3).map { _ in (0..<Int.random(in: 0...60, using: &chance)).map { _ in UInt8.random(in: 0...255, using: &chance) } }
            }
            return [query.reply(data.map { StubNameServer.record(query.type, $0) })]
        } _: { (resolver, _) async throws in
            for index in 0..<100 {
                let name = try domain("r\(index).example")
                do { _ = try await resolver.rdata(.txt, of: name) } catch is ResolverFault {}
                do { _ = try await resolver.mailExchangers(of: name) } catch is ResolverFault {}
            }
        }
    }

    @Test("local records and opened zones; what libunbound keeps for itself by default is asked for once it is opened")
    func localZones() async throws {
        try await with { query in
            [query.reply([StubNameServer.record(1, [9, 0, 0, 1])])]
        } change: { setting in
            setting.openZones = [Domain("test")].compactMap(\.self)
            setting.localRecords = ["local.example. IN A 9.9.9.9"]
        } _: { (resolver, server) async throws in
            #expect(try await resolver.addresses(of: domain("mail.test"), .ipv4).records.map(\.description) == ["9.0.0.1"])
            #expect(try await resolver.addresses(of: domain("local.example"), .ipv4).records.map(\.description) == ["9.9.9.9"])
            #expect(try await resolver.rdata(.a, of: domain("x.invalid")).denial == .noSuchName)
            #expect(server.asked.map(\.name) == ["mail.test"])
        }
    }

    @Test("settings that cannot be obeyed are told at once")
    func badSettings() async throws {
        func refused(_ change: (inout ResolverSetting) -> Void) throws {
            var setting = ResolverSetting()
            change(&setting)
            let fault = #expect(throws: UnboundContext.Fault.self) { _ = try UnboundResolver(setting) }
            #expect(try !#require(fault).description.isEmpty)
        }
        try refused { $0.anchor = .file("/nowhere/anchors") }
        try refused { $0.rootHints = "/nowhere/hints" }
        try refused { $0.localRecords = ["no record"] }
        for anchor in [ResolverSetting.Anchor.root, .none] {
            var setting = ResolverSetting()
            setting.anchor = anchor
            await (try UnboundResolver(setting)).close()
        }
    }

    @Test("a forwarder that leaves signatures out is found by the probe, with the reason")
    func probing() async throws {
        try await with { query in
            query.type == 2 && query.name == "."
                ? [query.reply([StubNameServer.record(2, NameTable.octets(ofName: "a.root.example"))])] : [query.denial(code: 0)]
        } change: {
            $0.anchor = .root
        } _: { (resolver, _) async throws in
            guard case .bogus(let reason) = await resolver.probe() else {
                Issue.record("not bogus")
                return
            }
            #expect(!reason.isEmpty)
        }
        try await with { query in
            [query.reply([StubNameServer.record(2, NameTable.octets(ofName: "a.root.example"))])]
        } _: { (resolver, _) async throws in
            #expect(await resolver.probe() == .notValidating)
        }
    }
}
