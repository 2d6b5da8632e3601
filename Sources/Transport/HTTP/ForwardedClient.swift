import Conversation
import MailModel

/// For whom a proxy asks, where it is believed (R26).
struct ForwardedClient: Hashable {
    var address: IPAddress
    /// Whether a proxy says that it is this one's own request, or its client's; otherwise the address is the last proxy's that could be read, and who asks by it
    /// is not known.
    var isNamed = false
    /// Nil: the proxy does not say.
    var isSecure: Bool?

    /// Nil when `peer` is no proxy that is believed. Read from the right, past proxies that are believed too: what stands left of them is the client's own
    /// word. What is no address ends the reading there.
    init?(_ fields: HTTPFields, peer: IPAddress, _ forwarding: HTTPSite.Forwarding) {
        guard forwarding.proxies.contains(peer) else { return nil }
        address = peer
        let named: [String]
        switch forwarding.field {
        case .xForwardedFor: named = fields.members("x-forwarded-for")
        case .xRealIP: named = fields.only("x-real-ip").map { [$0] } ?? []
        case .forwarded:
            let elements = fields.members("forwarded").map(ForwardedClient.pairs)
            named = elements.map { $0["for"] ?? "unknown" }
            isSecure = elements.last?["proto"].map { $0 == "https" }
        }
        if forwarding.field != .forwarded { isSecure = fields.members("x-forwarded-proto").last.map { $0 == "https" } }
        for text in named.reversed() {
            guard let next = ForwardedClient.address(text) else {
                isNamed = false
                break
            }
            (address, isNamed) = (next, true)
            guard forwarding.proxies.contains(next) else { break }
        }
    }

    /// `for=192.0.2.1;proto=https` (RFC 7239 §4), in small letters.
    private static func pairs(_ element: String) -> [String: String] {
        var found: [String: String] = [:]
        for pair in element.split(separator: ";") {
            let halves = pair.split(separator: "=", maxSplits: 1).map { String($0.filter { $0 != " " && $0 != "\t" && $0 != "\"" }) }
            if halves.count == 2, found[halves[0]] == nil { found[halves[0]] = halves[1] }
        }
        return found
    }

    /// `192.0.2.1`, `192.0.2.1:4711`, `[2001:db8::1]:4711`, `2001:db8::1`.
    private static func address(_ text: String) -> IPAddress? {
        let text = text.filter { $0 != " " }
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") { return IPAddress(text[text.index(after: text.startIndex)..<end]) }
        if let address = IPAddress(text) { return address }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        return IPAddress(text[..<colon])
    }
}
