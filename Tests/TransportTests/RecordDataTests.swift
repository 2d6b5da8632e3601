import Conversation
import MailModel
import Rehearsal
import Testing

@Suite("What the octets of records say: RFC 1035 §3.3")
struct RecordDataTests {
    private func exchanger(_ octets: [UInt8]) -> String? {
        RecordData.mailExchanger(octets).map { "\($0.preference) \($0.host?.value ?? ".")" }
    }

    @Test("an exchanger is a preference and a name that fills the rest")
    func exchangers() {
        #expect(exchanger([0, 10] + NameTable.octets(ofName: "MX1.Example.org")) == "10 mx1.example.org")
        #expect(exchanger([255, 255] + NameTable.octets(ofName: "a")) == "65535 a")
        #expect(exchanger([0, 0, 0]) == "0 .")
        #expect(exchanger([0, 10] + NameTable.octets(ofName: "_x.a-b.example")) == "10 _x.a-b.example")
    }

    @Test(
        "what is cut, too long, compressed or no name of a host is none",
        arguments: [
            [], [0], [0, 10], [0, 10, 1], [0, 10, 1, 0x61], [0, 10, 2, 0x61, 0], [0, 10, 1, 0x61, 0, 0], [0, 10, 0, 0], [0, 10, 0xC0, 0],
            [0, 10, 1, 0x61, 0xC0, 2],
            [0, 10, 0x40, 0x61, 0],
            // A dot, a blank, a line end, NUL and 8 bits within a label; hyphens at its ends.
            [0, 10, 3, 0x61, 0x2E, 0x62, 0], [0, 10, 3, 0x61, 0x20, 0x62, 0], [0, 10, 3, 0x61, 0x0A, 0x62, 0], [0, 10, 3, 0x61, 0, 0x62, 0],
            [0, 10, 2, 0xC3, 0xBC, 0], [0, 10, 2, 0x2D, 0x61, 0], [0, 10, 2, 0x61, 0x2D, 0], [0, 10, 3, 0x5B, 0x31, 0x5D, 0],
        ] as [[UInt8]])
    func broken(octets: [UInt8]) {
        #expect(exchanger(octets) == nil)
    }

    @Test("a name has 255 octets at most, a label 63: RFC 1035 §2.3.4")
    func lengths() {
        let label = String(repeating: "a", count: 63)
        let longest = [label, label, label, String(repeating: "a", count: 61)].joined(separator: ".")
        #expect(NameTable.octets(ofName: longest).count == 255)
        #expect(exchanger([0, 10] + NameTable.octets(ofName: longest)) == "10 \(longest)")
        #expect(exchanger([0, 10] + NameTable.octets(ofName: longest + "a")) == nil)
        #expect(exchanger([0, 10] + NameTable.octets(ofName: "a." + longest)) == nil)
        #expect(exchanger([0, 10] + NameTable.octets(ofName: label + "a")) == nil)
    }

    @Test("addresses have their family's length")
    func addresses() {
        for count in 0...20 {
            let octets = [UInt8](repeating: 9, count: count)
            #expect((RecordData.address(octets, .ipv4) != nil) == (count == 4))
            #expect((RecordData.address(octets, .ipv6) != nil) == (count == 16))
        }
    }

    @Test("random octets: none ends the program, and what is read fits its bounds")
    func random() {
        var chance = Mutator.Chance(seed: 3)
        var names = 0
        for _ in 0..<50_000 {
            // Mostly of letters and small lengths, so that some are names.
            var octets = (0..<Int.random(in: 0...20, using: &chance)).map { _ in
                Bool.random(using: &chance) ? UInt8.random(in: 0...4, using: &chance) : UInt8.random(in: 0x60...0x7B, using: &chance)
            }
            if Int.random(in: 0..<4, using: &chance) == 0 { octets = octets.map { _ in UInt8.random(in: 0...255, using: &chance) } }
            if let exchanger = RecordData.mailExchanger(octets) {
                names += 1
                if let host = exchanger.host { #expect(Domain(host.value) == host && NameTable.octets(ofName: host.value).count == octets.count - 2) }
            }
        }
        #expect(names > 100)
    }

    @Test("records that are none are left out; where none is left the answer makes no sense; exchangers are sorted")
    func answers() async throws {
        let names = NameTable()
        let domain = try #require(Domain("a.example"))
        try names.set(.mx, of: "a.example", [[0, 20, 1, 0x62, 0], [1], [0, 10, 1, 0x63, 0]], isSecure: true, ttl: 77)
        let answer = try await names.mailExchangers(of: domain)
        #expect(answer.records.map(\.host?.value) == ["c", "b"] && answer.isSecure && answer.ttl == 77)
        try names.set(.mx, of: "a.example", [[1], []])
        try names.set(.a, of: "a.example", [[1, 2, 3]])
        await #expect(throws: ResolverFault.malformed) { _ = try await names.mailExchangers(of: domain) }
        await #expect(throws: ResolverFault.malformed) { _ = try await names.addresses(of: domain, .ipv4) }
        #expect(try await names.addresses(of: domain, .ipv6).denial == .noRecords)
    }

    @Test("TLSA: three octets and the rest, whatever they mean: RFC 6698 §2.1")
    func tlsa() async throws {
        #expect(RecordData.tlsa([3, 1, 1, 9, 8]) == TLSARecord(usage: 3, selector: 1, matching: 1, data: [9, 8]))
        #expect(RecordData.tlsa([255, 255, 255]) == TLSARecord(usage: 255, selector: 255, matching: 255, data: []))
        #expect(RecordData.tlsa([3, 1]) == nil && RecordData.tlsa([]) == nil)
        #expect(RecordData.tlsa([3, 1, 1, 0x0D, 0x6F])?.description == "3 1 1 0d6f")
        let names = NameTable()
        try names.set(.tlsa, of: "_2525._tcp.mx.example", [[3, 1, 1, 9], [3]], isSecure: true)
        let answer = try await names.tlsaRecords(of: #require(Domain("mx.example")), port: 2525)
        #expect(answer.isSecure && answer.records == [TLSARecord(usage: 3, selector: 1, matching: 1, data: [9])])
        // A name that leaves no room for the port's labels.
        let longest = [63, 63, 63, 61].map { String(repeating: "a", count: $0) }.joined(separator: ".")
        #expect(try await names.tlsaRecords(of: #require(Domain(longest)), port: 25).denial == .noSuchName)
    }

    @Test(
        "usages 2 and 3, known selectors, digests of their length: others nobody can use (RFC 7672 §3.1.3)",
        arguments: [
            ([3, 1, 1], 32, true), ([3, 0, 2], 64, true), ([2, 0, 0], 1, true), ([2, 1, 1], 32, true), ([3, 1, 1], 31, false), ([3, 1, 2], 32, false),
            ([3, 1, 0], 0, false), ([0, 0, 1], 32, false), ([1, 1, 1], 32, false), ([4, 1, 1], 32, false), ([255, 0, 1], 32, false), ([3, 2, 1], 32, false),
            ([3, 1, 3], 32, false),
        ] as [([UInt8], Int, Bool)])
    func usable(head: [UInt8], count: Int, isUsable: Bool) {
        let record = TLSARecord(usage: head[0], selector: head[1], matching: head[2], data: [UInt8](repeating: 7, count: count))
        #expect(record.isUsable == isUsable)
        #expect(TLSARecord.usable(of: [record]) == (isUsable ? [record] : []))
    }

    @Test("of digests of the same thing the strongest alone is believed; what is broken beats nothing: RFC 7671 §9")
    func agility() {
        func record(_ usage: UInt8, _ selector: UInt8, _ matching: UInt8, _ count: Int) -> TLSARecord {
            TLSARecord(usage: usage, selector: selector, matching: matching, data: [UInt8](repeating: 7, count: count))
        }
        let (weak, strong, whole) = (record(3, 1, 1, 32), record(3, 1, 2, 64), record(3, 1, 0, 91))
        #expect(TLSARecord.usable(of: [weak, strong, whole]) == [strong, whole])
        #expect(TLSARecord.usable(of: [weak, record(3, 1, 2, 63)]) == [weak])
        #expect(TLSARecord.usable(of: [weak, record(3, 0, 2, 64), record(2, 1, 2, 64)]).count == 3)
        #expect(TLSARecord.usable(of: [weak, weak]).count == 2)
    }
}
