import Conversation
import MailModel
import Rehearsal
import SenderTrust
import Testing

@Suite("A client's own name: iprev, RFC 8601 §3")
struct ReverseNameEvaluationTests {
    private let names = NameTable()

    private func verdict(_ address: String) async throws -> String {
        let verdict = await ReverseNameEvaluation(resolver: names).verdict(of: try #require(IPAddress(address)))
        return "\(verdict.result) \(verdict.name?.value ?? "-")"
    }

    private func point(_ targets: [String], at place: String = "1.2.0.192.in-addr.arpa") throws {
        try names.set(.ptr, of: place, targets.map { NameTable.octets(ofName: $0) })
    }

    @Test("a name that has the address passes, whichever it is")
    func pass() async throws {
        try point(["other.example", "Mail.example"])
        try names.setAddresses(of: "other.example", ["192.0.2.2"])
        try names.setAddresses(of: "mail.example", ["192.0.2.9", "192.0.2.1", "2001:db8::1"])
        #expect(try await verdict("192.0.2.1") == "pass mail.example")
        #expect(try await verdict("::ffff:192.0.2.1") == "pass mail.example")
        try point(["mail.example"], at: "1." + String(repeating: "0.", count: 23) + "8.b.d.0.1.0.0.2.ip6.arpa")
        #expect(try await verdict("2001:db8::1") == "pass mail.example")
    }

    @Test("names that have it not, or are none, fail; without a name it is permerror")
    func fail() async throws {
        #expect(try await verdict("192.0.2.1") == "permerror -")
        try point(["gone.example", "mail.example"])
        try names.setAddresses(of: "mail.example", ["192.0.2.2"])
        #expect(try await verdict("192.0.2.1") == "fail gone.example")
        try point(["a b.example", "\"><b>.example"])
        #expect(try await verdict("192.0.2.1") == "permerror -")
        try names.setDenial(.ptr, of: "1.2.0.192.in-addr.arpa", .noRecords)
        #expect(try await verdict("192.0.2.1") == "permerror -")
    }

    @Test("what DNS does not know is temperror, unless another name has it")
    func unknown() async throws {
        try names.setFault(.ptr, of: "1.2.0.192.in-addr.arpa", .timedOut)
        #expect(try await verdict("192.0.2.1") == "temperror -")
        try point(["dark.example", "mail.example"])
        try names.setFault(.a, of: "dark.example", .failed(code: 2))
        #expect(try await verdict("192.0.2.1") == "temperror dark.example")
        try names.setAddresses(of: "mail.example", ["192.0.2.1"])
        #expect(try await verdict("192.0.2.1") == "pass mail.example")
    }

    @Test("of a thousand names ten are looked at")
    func bound() async throws {
        try point((0..<1_000).map { "h\($0).example" })
        try names.setAddresses(of: "h10.example", ["192.0.2.1"])
        #expect(try await verdict("192.0.2.1") == "fail h0.example")
        #expect(names.asked.count == 11)
    }
}
