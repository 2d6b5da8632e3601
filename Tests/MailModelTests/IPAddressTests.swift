import MailModel
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test("one form of each: RFC 5952 §4, RFC 4291 §2.5.5.2")
    func form() throws {
        #expect(try address("::FFFF:192.0.2.1").description == "192.0.2.1")
        #expect(try address("2001:DB8:0:0:0:0:0:1").description == "2001:db8::1")
        #expect(try address("::1").isLoopback && address("127.9.9.9").isLoopback && !address("::2").isLoopback)
    }

    @Test("octets in network order, four or sixteen")
    func octets() throws {
        #expect(try address("192.0.2.1").octets == [192, 0, 2, 1])
        #expect(try address("2001:db8::1").octets == [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1])
        #expect(IPAddress(octets: [192, 0, 2, 1])?.description == "192.0.2.1")
        #expect(IPAddress(octets: [UInt8](repeating: 0, count: 10) + [255, 255, 192, 0, 2, 1])?.isIPv4 == true)
        for text in ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
            #expect(try IPAddress(octets: address(text).octets) == address(text))
        }
        for count in [0, 3, 5, 15, 17] { #expect(IPAddress(octets: [UInt8](repeating: 1, count: count)) == nil) }
    }

    @Test("networks in CIDR notation")
    func networks() throws {
        let list = try NetworkList("127.0.0.0/8, ::1 10.1.0.0/16,2001:db8::/33")
        for inside in ["127.255.0.1", "::1", "10.1.2.3", "::ffff:10.1.2.3", "2001:db8:7fff::1"] {
            #expect(list.contains(try address(inside)), "\(inside)")
        }
        for outside in ["128.0.0.1", "::2", "10.2.0.1", "2001:db8:8000::1", "::7f00:1"] {
            #expect(!list.contains(try address(outside)), "\(outside)")
        }
        #expect(try NetworkList("0.0.0.0/0").contains(address("9.9.9.9")))
        #expect(try !NetworkList("0.0.0.0/0").contains(address("2001:db8::1")))
        for bad in ["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "host", "::/129", "1.2.3"] {
            #expect(throws: NetworkList.Fault.self) { try NetworkList(bad) }
        }
    }
}
