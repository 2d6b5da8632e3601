import MailModel
import Storage
import Testing

@testable import Gatehouse

@Suite("What failed logins lead to (S45, S46, S91)")
struct LoginPenaltiesTests {
    @Test("ten wrong passwords in 15 minutes lock the account in their /24, and nowhere else, for 15 minutes")
    func lockout() throws {
        let house = try PenaltyHouse()
        #expect(house.fail(9, from: "192.0.2.7").locked == nil)
        #expect(!house.isBarred(from: "192.0.2.7"))
        let last = house.fail(1, from: "192.0.2.8", first: 9)
        let network = try #require(Network("192.0.2.0/24"))
        #expect(last.locked == LoginSetback.Term(network: network, seconds: 900, failures: 10))
        #expect(house.isBarred(from: "192.0.2.7") && house.isBarred("ALICE@example.org", from: "192.0.2.200"))
        #expect(!house.isBarred(from: "192.0.3.7") && !house.isBarred("bob", from: "192.0.2.7") && !house.isBanned("192.0.2.7"))
        #expect(house.penalties.lockoutCount == 1)
        house.clock.move(.seconds(899))
        #expect(house.isBarred(from: "192.0.2.7"))
        house.clock.move(.seconds(1))
        #expect(!house.isBarred(from: "192.0.2.7"))
        #expect(house.log.lines == ["[WARN] Locked out: alice in 192.0.2.0/24 for 900 s, after 10 wrong passwords peer=192.0.2.8"])
    }

    @Test("each further lockout takes twice as long, up to a day; a day after the last they begin anew")
    func growing() throws {
        let house = try PenaltyHouse { $0.banFailures = 0 }
        var number = 0
        for expected: UInt32 in [900, 1_800, 3_600, 7_200, 14_400, 28_800, 57_600, 86_400, 86_400] {
            #expect(house.fail(10, from: "192.0.2.7", first: number).locked?.seconds == expected)
            number += 10
            house.clock.move(.seconds(Int64(expected)))
        }
        house.clock.move(.seconds(86_400))
        house.penalties.forgetOver()
        #expect(house.fail(10, from: "192.0.2.7", first: number).locked?.seconds == 900)
    }

    @Test("failures count for the window that the first of them began")
    func window() throws {
        let house = try PenaltyHouse()
        house.fail(9, from: "192.0.2.7")
        house.clock.move(.seconds(900))
        #expect(house.fail(9, from: "192.0.2.7", first: 9).locked == nil)
        #expect(house.fail(1, from: "192.0.2.7", first: 18).locked != nil)
    }

    @Test("where the account is known each address counts by itself, and thirty times: no neighbour locks the owner out")
    func known() throws {
        let house = try PenaltyHouse { $0.banFailures = 0 }
        house.fail(40, from: "192.0.2.66", isKnown: true)
        #expect(house.isBarred(from: "192.0.2.66", isKnown: true) && !house.isBarred(from: "192.0.2.7", isKnown: true))
        #expect(house.fail(29, from: "192.0.2.7", isKnown: true).locked == nil)
        #expect(house.fail(1, from: "192.0.2.7", isKnown: true, first: 29).locked != nil)
        // What was locked while it was not known holds it up no more.
        house.fail(10, "bob", from: "192.0.2.66")
        #expect(house.isBarred("bob", from: "192.0.2.7") && !house.isBarred("bob", from: "192.0.2.7", isKnown: true))
    }

    @Test("the same wrong secret again counts once, of each account; four of them are known")
    func repeated() throws {
        let house = try PenaltyHouse()
        for _ in 0..<200 {
            #expect(house.penalties.failed(house.trial("alice", "old phone", "192.0.2.7")).steps == 0)
            house.clock.move(.seconds(60))
        }
        for _ in 0..<100 {
            for secret in ["a", "b", "c"] { _ = house.penalties.failed(house.trial("bob", secret, "192.0.2.7")) }
        }
        #expect(!house.isBarred(from: "192.0.2.7") && !house.isBarred("bob", from: "192.0.2.7") && !house.isBanned("192.0.2.7"))
        // One password for all accounts is no phone's.
        for number in 0..<50 { _ = house.penalties.failed(house.trial("user\(number)", "old phone", "192.0.2.7")) }
        #expect(house.isBanned("192.0.2.7"))
        // What is not seen counts each time.
        for _ in 0..<10 { _ = house.penalties.failed(house.trial("carol", nil, "203.0.113.7")) }
        #expect(house.isBarred("carol", from: "203.0.113.7"))
    }

    @Test("fifty failures over any accounts ban the address, for an hour, then two, up to a week")
    func ban() throws {
        let house = try PenaltyHouse()
        #expect(house.spray(49, from: "192.0.2.7").banned == nil)
        #expect(house.spray(1, from: "192.0.2.7", first: 49).banned?.seconds == 3_600)
        #expect(house.isBanned("192.0.2.7") && house.isBanned("::ffff:192.0.2.7") && !house.isBanned("192.0.2.8"))
        #expect(house.isBarred("anybody", from: "192.0.2.7"))
        #expect(house.penalties.banCount == 1)
        // A week after its last ban it begins anew.
        house.clock.move(.seconds(3_600 + 604_800))
        house.penalties.forgetOver()
        #expect(!house.isBanned("192.0.2.7"))
        #expect(house.spray(50, from: "192.0.2.7", first: 50).banned?.seconds == 3_600)
        let other = try PenaltyHouse()
        let terms: [UInt32] = [3_600, 7_200, 14_400, 28_800, 57_600, 115_200, 230_400, 460_800, 604_800, 604_800]
        for (round, expected) in terms.enumerated() {
            #expect(other.spray(50, from: "192.0.2.7", first: round * 50).banned?.seconds == expected)
            other.clock.move(.seconds(Int64(expected)))
            #expect(!other.isBanned("192.0.2.7"))
        }
    }

    @Test("of IPv6 a /64 is banned, and its /56 when four of them are")
    func siblings() throws {
        let house = try PenaltyHouse()
        for number in 0..<3 {
            #expect(house.spray(50, from: "2001:db8:0:1\(number)::1").wider == nil)
            #expect(house.isBanned("2001:db8:0:1\(number):9::1"))
        }
        #expect(!house.isBanned("2001:db8:0:13::1"))
        house.clock.move(.seconds(600))
        let last = house.spray(50, from: "2001:db8:0:13::1")
        let wide = try #require(Network("2001:db8::/56"))
        #expect(last.wider == LoginSetback.Term(network: wide, seconds: 3_600, failures: 4))
        #expect(house.isBanned("2001:db8:0:ff::1") && !house.isBanned("2001:db8:0:100::1"))
        house.clock.move(.seconds(3_600))
        #expect(!house.isBanned("2001:db8:0:ff::1") && !house.isBanned("2001:db8:0:13::1"))
    }

    @Test("what can be nobody's login counts a tenth")
    func impossible() throws {
        let house = try PenaltyHouse()
        for number in 0..<499 { _ = house.penalties.failed(house.trial("no body\(number)", "wrong", "192.0.2.7")) }
        #expect(!house.isBanned("192.0.2.7"))
        _ = house.penalties.failed(house.trial("a@b@c", "wrong", "192.0.2.7"))
        #expect(house.isBanned("192.0.2.7"))
    }

    @Test(
        "exempt addresses, and peers without one, are never locked and never banned",
        arguments: ["127.0.0.1", "::ffff:127.0.0.2", "198.51.100.7", "", "socket"])
    func exempt(_ peer: String) throws {
        let house = try PenaltyHouse()
        let last = house.fail(200, from: peer)
        #expect(last.steps == 0 && !house.isBarred(from: peer) && !house.isBanned(peer))
        #expect(house.penalties.bans(most: 10).bans.isEmpty && house.penalties.lockoutCount == 0)
    }

    @Test("a success forgives the account's failures, also to the address, and nobody else's")
    func success() throws {
        let house = try PenaltyHouse()
        house.fail(9, from: "192.0.2.7")
        house.spray(39, from: "192.0.2.7")
        house.penalties.succeeded(house.trial("alice", "right", "192.0.2.7"))
        #expect(house.fail(9, from: "192.0.2.7", first: 50).locked == nil && !house.isBanned("192.0.2.7"))
        // 39 and 9: two more.
        house.spray(1, from: "192.0.2.7", first: 39)
        #expect(!house.isBanned("192.0.2.7"))
        // An account of one's own does not wash off what failed for others.
        house.penalties.succeeded(house.trial("mallory", "right", "192.0.2.7"))
        house.spray(1, from: "192.0.2.7", first: 40)
        #expect(house.isBanned("192.0.2.7"))
    }

    @Test("an answer's delay grows by pair, on whatever connection, and stays bounded")
    func steps() throws {
        let house = try PenaltyHouse { $0.lockoutFailures = 20 }
        let steps = (0..<8).map { house.fail(1, from: "192.0.2.7", first: $0).steps }
        #expect(steps == [0, 1, 2, 3, 4, 5, 6, 7])
        #expect(house.fail(1, "bob", from: "192.0.2.7").steps == 0)
        house.fail(12, from: "192.0.2.7", first: 8)
        #expect(house.isBarred(from: "192.0.2.7"))
        #expect(house.fail(1, from: "192.0.2.7", first: 20).steps == LoginSetback.mostSteps)
    }

    @Test("S91: the eleventh failure of a minute is an alert, once in it; of exempt addresses too")
    func alerts() throws {
        let house = try PenaltyHouse { $0.lockoutFailures = 0 }
        house.fail(40, from: "192.0.2.7")
        for _ in 0..<12 { _ = house.penalties.failed(house.trial("alice", "old", "127.0.0.1")) }
        #expect(
            house.log.lines == ["192.0.2.7", "127.0.0.1"].map { "[ERROR] ALERT: 11 logins that failed within a minute from one address peer=\($0)" })
        house.clock.move(.seconds(60))
        house.fail(10, "bob", from: "127.0.0.1")
        #expect(house.log.lines.count == 2)
        house.fail(1, "bob", from: "127.0.0.1")
        #expect(house.log.lines.count == 3)
    }

    @Test("nothing is locked and nothing banned where the settings say 0")
    func off() throws {
        let house = try PenaltyHouse { ($0.lockoutFailures, $0.banFailures) = (0, 0) }
        house.fail(500, from: "192.0.2.7")
        house.spray(500, from: "192.0.2.7")
        #expect(!house.isBarred(from: "192.0.2.7") && !house.isBanned("192.0.2.7"))
    }
}

@Suite("What failed logins lead to: orders, starts and room")
struct KeptPenaltiesTests {
    private func network(_ text: String) throws -> Network { try #require(Network(text)) }

    @Test("an administrator bans a network at once, for a time or for ever, and takes it back")
    func orders() async throws {
        let house = try PenaltyHouse()
        try await house.penalties.ban(network("203.0.113.0/24"), for: .seconds(86_400), reason: "scans us")
        try await house.penalties.ban(network("2001:db8::/32"), for: nil, reason: "")
        house.spray(50, from: "192.0.2.7")
        #expect(house.isBanned("203.0.113.9") && house.isBanned("2001:db8:9::1") && house.isBarred(from: "203.0.113.9"))
        let (bans, count) = house.penalties.bans(most: 10)
        #expect(
            count == 3
                && bans.map { "\($0.network) \($0.origin) \($0.reason)" } == [
                    "2001:db8::/32 order ", "203.0.113.0/24 order scans us", "192.0.2.7 failures ban 1 of it",
                ])
        #expect(bans.map { $0.until?.rawValue } == [nil, 1_800_086_400, 1_800_003_600])
        #expect(house.penalties.bans(most: 1).bans.count == 1 && house.penalties.bans(most: 1).count == 3)
        let (inner, outer) = try (network("203.0.113.9"), network("203.0.113.0/24"))
        await #expect(throws: LoginPenalties.OrderFault.notBanned(inner, within: [outer])) { try await house.penalties.unban(inner) }
        for text in ["203.0.113.0/24", "2001:db8::/32", "192.0.2.7"] { try await house.penalties.unban(network(text)) }
        #expect(house.penalties.banCount == 0 && !house.isBanned("203.0.113.9") && !house.isBanned("192.0.2.7"))
        let (again, own) = try (network("192.0.2.7"), network("127.0.0.1"))
        await #expect(throws: LoginPenalties.OrderFault.notBanned(again, within: [])) { try await house.penalties.unban(again) }
        await #expect(throws: LoginPenalties.OrderFault.exempt(own)) { try await house.penalties.ban(own, for: nil, reason: "") }
        // A network may hold exempt addresses; they stay let in.
        try await house.penalties.ban(network("0.0.0.0/0"), for: nil, reason: "all of IPv4")
        #expect(house.isBanned("192.0.2.1") && !house.isBanned("127.0.0.1") && !house.isBanned("198.51.100.7") && !house.isBanned("2001:db8::1"))
    }

    @Test("`unlock` opens an account everywhere, and its failures are forgotten")
    func unlock() async throws {
        let house = try PenaltyHouse()
        for peer in ["192.0.2.7", "203.0.113.7"] { house.fail(10, from: peer) }
        house.fail(9, from: "198.51.100.1")
        house.fail(10, "bob", from: "192.0.2.7")
        let alice = try AccountName("alice@example.org")
        #expect(try await house.penalties.unlock(alice).map(\.description) == ["192.0.2.0/24", "203.0.113.0/24"])
        #expect(!house.isBarred(from: "192.0.2.7") && house.isBarred("bob", from: "192.0.2.7"))
        #expect(house.fail(9, from: "198.51.100.1", first: 20).locked == nil)
        #expect(try await house.penalties.unlock(alice).isEmpty)
    }

    @Test("bans, lockouts, what led to them and orders survive a start")
    func survives() async throws {
        let house = try PenaltyHouse()
        house.spray(50, from: "192.0.2.7")
        house.fail(10, from: "203.0.113.7")
        house.fail(9, "bob", from: "203.0.113.7")
        try await house.penalties.ban(network("2001:db8::/32"), for: nil, reason: "for ever and a day")
        await house.penalties.save()
        // Ten minutes later.
        let next = try PenaltyHouse(house.store, wall: 1_800_000_600)
        #expect(next.isBanned("192.0.2.7") && next.isBarred(from: "203.0.113.9") && next.isBanned("2001:db8::1"))
        #expect(next.penalties.bans(most: 10).bans.map { $0.until?.rawValue } == [nil, 1_800_003_600])
        #expect(next.penalties.bans(most: 10).bans.first?.reason == "for ever and a day")
        // A secret that was wrong before is known, and another one is the tenth.
        #expect(next.penalties.failed(next.trial("bob", "wrong 8", "203.0.113.7")).locked == nil)
        #expect(next.fail(1, "bob", from: "203.0.113.7", first: 9).locked != nil)
        next.clock.move(.seconds(300))
        #expect(!next.isBarred(from: "203.0.113.9") && next.isBanned("192.0.2.7"))
        next.clock.move(.seconds(2_700))
        #expect(!next.isBanned("192.0.2.7") && next.isBanned("2001:db8::1"))
        #expect(next.log.lines.count == 1)
        // Next time it takes twice as long.
        #expect(next.spray(50, from: "192.0.2.7", first: 100).banned?.seconds == 7_200)
    }

    @Test("a clock that was set wrong makes no ban longer than any is")
    func clock() async throws {
        let house = try PenaltyHouse()
        house.spray(50, from: "192.0.2.7")
        await house.penalties.save()
        let next = try PenaltyHouse(house.store, wall: 1_000)
        #expect(next.isBanned("192.0.2.7"))
        next.clock.move(.seconds(604_800))
        #expect(!next.isBanned("192.0.2.7"))
    }

    @Test("what cannot be read is told and holds up nobody; what cannot be written is written later")
    func damage() async throws {
        let house = try PenaltyHouse()
        house.spray(50, from: "192.0.2.7")
        house.store.fail(true)
        await house.penalties.save()
        #expect(house.log.lines.last == "[ERROR] Bans and lockouts would not survive a start: unavailable(\"the disk is gone\")")
        let blind = try PenaltyHouse(house.store)
        #expect(blind.log.lines == ["[ERROR] Bans and lockouts from before this start cannot be read and do not hold: corrupt(\"not there\")"])
        house.store.fail(false)
        await house.penalties.save()
        for (key, text) in [
            ("x", "1"), ("a zz", "1 2 3 4 5"), ("a 1", "2 0 0 0 0"), ("a 2", "1 0"), ("p 1 2", "1 2 3 4 5 6 7 8 9 x"), ("o 192.0.2.0/24", "1 0 0 king"),
        ] {
            house.store.put(text, at: key)
        }
        let next = try PenaltyHouse(house.store)
        #expect(next.isBanned("192.0.2.7") && next.penalties.banCount == 1)
        #expect(next.log.lines == ["[ERROR] Of 57 kept bans and lockouts 6 cannot be read and do not hold"])
    }

    @Test("many failures are one write, nothing new is none, and what is over goes from the disk")
    func writes() async throws {
        let house = try PenaltyHouse()
        house.spray(300, from: "192.0.2.7")
        await house.penalties.save()
        await house.penalties.save()
        #expect(house.store.writes == 1 && house.store.count == 301)
        house.clock.move(.seconds(20 * 86_400))
        house.penalties.forgetOver()
        await house.penalties.save()
        #expect(house.store.writes == 2 && house.store.count == 0)
        // What came and went between two writes was never there.
        house.fail(3, from: "192.0.2.9")
        house.penalties.succeeded(house.trial("alice", "right", "192.0.2.9"))
        await house.penalties.save()
        #expect(house.store.count == 1)
    }

    @Test("what is kept is bounded; a ban and a lockout are kept in any case")
    func keptBound() async throws {
        let house = try PenaltyHouse { $0.keptCapacity = 20 }
        for number in 0..<30 {
            house.fail(1, "user\(number)", from: "192.0.2.\(number)")
            await house.penalties.save()
        }
        #expect(house.store.count <= 22)
        house.spray(50, from: "203.0.113.1", first: 100)
        house.fail(10, from: "203.0.113.2")
        await house.penalties.save()
        let next = try PenaltyHouse(house.store)
        #expect(next.isBanned("203.0.113.1") && next.isBarred(from: "203.0.113.2"))
    }

    @Test("the table of addresses is bounded: who has least on the slate is forgotten first, a ban of now never")
    func bounded() throws {
        let house = try PenaltyHouse { $0.addressCapacity = 64 }
        for number in 0..<8 { house.spray(50, from: "192.0.2.\(number)", first: number * 100) }
        house.spray(40, from: "192.0.2.99", first: 2_000)
        for number in 0..<1_000 { house.spray(1, from: "10.0.\(number / 250).\(number % 250)", first: 3_000 + number) }
        for number in 0..<8 { #expect(house.isBanned("192.0.2.\(number)")) }
        house.spray(10, from: "192.0.2.99", first: 9_000)
        #expect(house.isBanned("192.0.2.99"), "its forty failures were forgotten for others' single ones")
        #expect(house.penalties.state.withLock { $0.addresses.count } <= 64)
        // Full of bans there is no room, and nobody is let go for it.
        for number in 0..<100 { house.spray(50, from: "198.18.0.\(number)", first: 20_000 + 50 * number) }
        #expect(house.penalties.banCount == 64 && house.isBanned("192.0.2.0"))
    }

    @Test("a million addresses that failed take less than 100 MB")
    func memory() throws {
        var table = BoundedTable<UInt64, AddressRecord>(capacity: 1_000_000)
        for number: UInt64 in 0..<1_000_000 { _ = table.set(AddressRecord(), at: 0xFFFF_FF20 << 32 | number &* 2_654_435_761 & 0xFFFF_FFFF, rank: { _ in 0 }) }
        #expect(table.count > 990_000)
        // A dictionary has a power of two of places, three quarters of which it fills: a key, a value and a bit each.
        let octets = (0..<table.shareCount).reduce(0) { sum, share in
            var places = 1
            while places * 3 / 4 < table.entries(ofShare: share).capacity { places *= 2 }
            return sum + places * (MemoryLayout<UInt64>.stride + MemoryLayout<AddressRecord>.stride) + places / 8 + 64
        }
        #expect(octets < 50_000_000, "\(octets)")
        #expect(MemoryLayout<AddressRecord>.stride == 20 && MemoryLayout<PairRecord>.stride == 36)
    }
}
