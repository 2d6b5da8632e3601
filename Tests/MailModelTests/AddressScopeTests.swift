import MailModel
import Testing

@Suite("How far an address reaches: RFC 6890")
struct AddressScopeTests {
    @Test(
        "each by its registry",
        arguments: [
            ("9.9.9.9", .global), ("1.0.0.0", .global), ("11.0.0.1", .global), ("172.15.255.255", .global), ("172.32.0.0", .global), ("192.0.1.1", .global),
            ("100.63.255.255", .global), ("100.128.0.0", .global), ("223.255.255.255", .global), ("2606:4700::1", .global), ("2001:4860:4860::8888", .global),
            ("2001:200::1", .global), ("3ffe:ffff::1", .global),
            ("127.0.0.1", .loopback), ("127.255.255.255", .loopback), ("::1", .loopback),
            ("0.0.0.0", .unspecified), ("0.1.2.3", .unspecified), ("::", .unspecified),
            ("169.254.169.254", .linkLocal), ("fe80::1", .linkLocal), ("febf::1", .linkLocal),
            ("10.255.0.1", .privateUse), ("172.16.0.1", .privateUse), ("172.31.255.255", .privateUse), ("192.168.1.1", .privateUse), ("fc00::1", .privateUse),
            ("fdff::1", .privateUse), ("fec0::1", .privateUse), ("64:ff9b:1::1", .privateUse),
            ("100.64.0.1", .carrierShared), ("100.127.255.255", .carrierShared),
            ("192.0.2.1", .documentation), ("198.51.100.7", .documentation), ("203.0.113.9", .documentation), ("2001:db8::1", .documentation),
            ("3fff:fff::1", .documentation),
            ("224.0.0.1", .multicast), ("239.255.255.255", .multicast), ("ff02::1", .multicast),
            ("240.0.0.1", .reserved), ("255.255.255.255", .reserved), ("198.18.0.1", .reserved), ("192.0.0.8", .reserved), ("2001::1", .reserved),
            ("2001:2::1", .reserved), ("100::1", .reserved), ("4000::1", .reserved), ("::2", .reserved), ("fe00::1", .reserved), ("::7f00:1", .reserved),
        ] as [(String, AddressScope)])
    func scope(text: String, scope: AddressScope) throws {
        #expect(try #require(IPAddress(text)).scope == scope)
    }

    @Test(
        "an IPv6 address that stands for an IPv4 address is judged as that: RFC 4291 §2.5.5.2, RFC 6052 §3.1, RFC 3056 §5",
        arguments: [
            ("::ffff:127.0.0.1", .loopback), ("::ffff:10.0.0.1", .privateUse), ("::ffff:9.9.9.9", .global), ("64:ff9b::127.0.0.1", .loopback),
            ("64:ff9b::9.9.9.9", .global), ("2002:7f00:1::1", .loopback), ("2002:a9fe:a9fe::", .linkLocal), ("2002:909:909::1", .global),
        ] as [(String, AddressScope)])
    func embedded(text: String, scope: AddressScope) throws {
        #expect(try #require(IPAddress(text)).scope == scope)
    }
}
