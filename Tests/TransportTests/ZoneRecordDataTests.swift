import Conversation
import MailModel
import Testing

@Suite("Records of zones: what their octets say")
struct ZoneRecordDataTests {
    @Test("texts are joined: RFC 7208 §3.3")
    func texts() {
        #expect(RecordData.text([3, 0x76, 0x3D, 0x73, 2, 0x70, 0x66]) == "v=spf")
        #expect(RecordData.text([0]) == "" && RecordData.text([]) == nil && RecordData.text([5, 0x61]) == nil)
        #expect(RecordData.text([2, 0xFF, 0x61]) == "\u{FFFD}a")
    }

    @Test("where a service is, or that there is none: RFC 2782")
    func services() {
        #expect(RecordData.service([0, 1, 0, 2, 3, 0xE1, 1, 0x61, 0]) == ServiceLocation(priority: 1, weight: 2, port: 993, host: Domain("a")))
        #expect(RecordData.service([0, 0, 0, 0, 0, 0, 0]) == ServiceLocation(priority: 0, weight: 0, port: 0, host: nil))
        for octets: [UInt8] in [[], [0, 1, 0, 2, 3, 0xE1], [0, 1, 0, 2, 3, 0xE1, 5, 0x61, 0]] { #expect(RecordData.service(octets) == nil) }
    }

    @Test("who may issue: RFC 8659 §4.1")
    func issuers() {
        let record = RecordData.issuer([0, 5] + Array("ISSUEca.Example ; x=y".utf8))
        #expect(record == IssuerProperty(tag: "issue", value: "ca.Example ; x=y") && record?.authority == "ca.example")
        #expect(RecordData.issuer([0, 5] + Array("issue;".utf8))?.authority == "")
        for octets: [UInt8] in [[], [0], [0, 0], [0, 9, 0x69]] { #expect(RecordData.issuer(octets) == nil) }
    }

    @Test("names of addresses: RFC 1035 §3.5, RFC 3596 §2.5")
    func reverse() throws {
        #expect(try #require(IPAddress("192.0.2.1")).reverseName == "1.2.0.192.in-addr.arpa")
        let name = try #require(IPAddress("2001:db8::1")).reverseName
        #expect(name == "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa")
        #expect(RecordData.pointer([1, 0x61, 0]) == Domain("a") && RecordData.pointer([0]) == nil)
    }
}
