import MailModel

/// A name server: `192.0.2.53`, `192.0.2.53@5353`, `2001:db8::53@5353`.
struct NameServerItem: Hashable, Sendable {
    let address: IPAddress
    /// 1...65535.
    let port: Int

    init(_ text: String) throws(ItemFault) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { throw ItemFault("\(parts[0]) is no IP address") }
        self.address = address
        guard parts.count == 2 else {
            port = 53
            return
        }
        guard let port = PortText.port(parts[1]) else { throw ItemFault("\(parts[1]) is no port") }
        self.port = port
    }

    static let form = ItemForm(
        "an IP address, with @ and a port where that is not 53", remedy: "give a list such as [9.9.9.9, 192.0.2.53@5353]"
    ) { text throws(ItemFault) in try NameServerItem(text) }
}

/// A zone and a server that is asked for it: `example.test=127.0.0.1@5353`.
struct StubZoneItem: Hashable, Sendable {
    let zone: Domain
    let server: NameServerItem

    init(_ text: String) throws(ItemFault) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw ItemFault("it has no = between zone and server") }
        zone = try DomainText.name(parts[0])
        server = try NameServerItem(String(parts[1]))
    }

    static let form = ItemForm(
        "a zone, = and its server's address", remedy: "give a list such as [example.test=127.0.0.1@5353]"
    ) { text throws(ItemFault) in try StubZoneItem(text) }
}

/// A record in the form of a zone's file: `mail.example. IN A 192.0.2.1`. Types and data are libunbound's to judge.
enum RecordItem {
    static let form = ItemForm(
        "a DNS record", remedy: "give a list such as [\"mail.example. IN A 192.0.2.1\"]"
    ) { text throws(ItemFault) in
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { throw ItemFault("it is not ASCII") }
        guard text.split(separator: " ").count >= 3 else { throw ItemFault("it has no name, type and data") }
    }
}

enum PortText {
    /// 1...65535, in digits.
    static func port(_ text: some StringProtocol) -> Int? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(text), (1...65_535).contains(port) else { return nil }
        return port
    }
}

enum DomainText {
    /// A domain that is no address literal, in ASCII.
    static func name(_ text: some StringProtocol) throws(ItemFault) -> Domain {
        guard let domain = Domain(text)?.asciiForm, !domain.isLiteral else { throw ItemFault("\(text) is no domain name") }
        return domain
    }

    static let form = ItemForm("a domain name", remedy: "give a list such as [example.org, example.net]") { text throws(ItemFault) in
        try name(text)
    }
}
