import MailModel

/// As whom mail of a sender's domain goes out: `DOMAIN [name=NAME] [ipv4=ADDRESS] [ipv6=ADDRESS]`. What it does not say is as for everybody.
struct IdentityItem: Hashable, Sendable {
    let domain: Domain
    private(set) var name: Domain?
    private(set) var sources: [IPAddress] = []

    init(_ text: String) throws(ItemFault) {
        let words = text.split(separator: " ")
        guard let first = words.first else { throw ItemFault("it is empty") }
        domain = try DomainText.name(first)
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            switch (parts[0], parts.count == 2 ? parts[1] : nil) {
            case ("name", let value?): name = try DomainText.name(value)
            case ("ipv4", let value?): sources.append(try IdentityItem.address(value, isIPv4: true))
            case ("ipv6", let value?): sources.append(try IdentityItem.address(value, isIPv4: false))
            default: throw ItemFault("\(word) is none of name=, ipv4= and ipv6=")
            }
        }
        guard words.count > 1 else { throw ItemFault("it says nothing of \(domain)") }
    }

    private static func address(_ text: Substring, isIPv4: Bool) throws(ItemFault) -> IPAddress {
        guard let address = IPAddress(text), address.isIPv4 == isIPv4 else { throw ItemFault("\(text) is no IPv\(isIPv4 ? 4 : 6) address") }
        return address
    }

    static let form = ItemForm(
        "a sender's domain with name=, ipv4= or ipv6=", remedy: "give a list such as [\"news.example name=news.example ipv4=192.0.2.7\"]"
    ) { text throws(ItemFault) in try IdentityItem(text) }
}
