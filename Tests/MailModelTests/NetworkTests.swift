import MailModel
import Testing

@Suite struct NetworkTests {
    @Test(
        "a network is written with its first address, and an address alone",
        arguments: [
            ("192.0.2.77/24", "192.0.2.0/24"), ("192.0.2.1", "192.0.2.1"), ("192.0.2.1/32", "192.0.2.1"), ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::1", "2001:db8::1"), ("2001:db8:0:1ff::1/56", "2001:db8:0:100::/56"), ("::/0", "::/0"), ("::ffff:192.0.2.9/120", "192.0.2.0/24"),
        ])
    func text(_ text: String, _ written: String) throws {
        let network = try #require(Network(text))
        #expect("\(network)" == written)
        #expect(Network(written) == network)
    }

    @Test("what is none", arguments: ["", "a", "192.0.2.1/33", "192.0.2.1/", "192.0.2.1/-1", "192.0.2.1/1/2", "2001:db8::/129", "192.0.2.1 /24", "/24"])
    func bad(_ text: String) { #expect(Network(text) == nil) }

    @Test("numbers of sites and networks mean what they were made of, and no two mean the same")
    func numbers() throws {
        let v4 = try #require(IPAddress("192.0.2.77"))
        #expect("\(Network(number: v4.siteNumber)) \(Network(number: v4.networkNumber))" == "192.0.2.77 192.0.2.0/24")
        let first = try #require(IPAddress("192.0.2.0"))
        #expect(first.siteNumber != first.networkNumber)
        let v6 = try #require(IPAddress("2001:db8:0:1ff::1"))
        #expect("\(Network(number: v6.siteNumber)) \(Network(number: v6.networkNumber))" == "2001:db8:0:1ff::/64 2001:db8:0:1ff::/64")
        #expect(v6.siblingNumbers.count == 256 && v6.siblingNumbers.contains(v6.siteNumber))
        #expect("\(Network(number: v6.siblingNumbers.lowerBound))" == "2001:db8:0:100::/64")
        let zero = try #require(IPAddress("::1"))
        #expect("\(Network(number: zero.siteNumber))" == "::/64")
    }

    @Test("what it contains")
    func contains() throws {
        let network = try #require(Network("192.0.2.0/24"))
        for (text, isIn) in [("192.0.2.0", true), ("192.0.2.255", true), ("192.0.3.0", false), ("2001:db8::1", false)] {
            let address = try #require(IPAddress(text))
            #expect(network.contains(address) == isIn, "\(text)")
        }
        let wide = try #require(Network("2001:db8:0:100::/56"))
        for (text, isIn) in [("2001:db8:0:1ff::9", true), ("2001:db8:0:200::9", false), ("192.0.2.1", false)] {
            let address = try #require(IPAddress(text))
            #expect(wide.contains(address) == isIn, "\(text)")
        }
    }
}
