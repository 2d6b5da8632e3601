import MailModel
import PostOffice

/// Whose mail goes by a route: `ROUTE PATTERN...`. A pattern is an address, a domain, `*.` and a domain for what is below it, or `*`. ROUTE is a name of
/// `outbound.routes`, or `mx` for what DNS says.
struct DestinationItem: Hashable, Sendable {
    let written: String
    let way: RouteTable.Way
    let patterns: [RouteTable.Pattern]

    init(_ text: String) throws(ItemFault) {
        written = text
        let words = text.split(separator: " ").map { String($0) }
        guard words.count >= 2 else { throw ItemFault("it has no pattern behind the route's name") }
        way = words[0] == RouteItem.exchangers ? .exchangers : .route(words[0])
        var patterns: [RouteTable.Pattern] = []
        for word in words.dropFirst() { patterns.append(try DestinationItem.pattern(word)) }
        self.patterns = patterns
    }

    private static func pattern(_ text: String) throws(ItemFault) -> RouteTable.Pattern {
        if text == "*" { return .everybody }
        if text.hasPrefix("*.") { return .below(try DomainText.name(text.dropFirst(2))) }
        if text.contains("@") {
            guard let address = Address(text) else { throw ItemFault("\(text) is no address") }
            return .address(address)
        }
        guard let domain = Domain(text), let name = domain.asciiForm else { throw ItemFault("\(text) is no domain, no address, no *.DOMAIN and no *") }
        return .domain(name)
    }

    static let form = ItemForm(
        "a route's name and whom it is for",
        remedy: "give a list such as [smarthost *, mx partner.example *.partner.example]"
    ) { text throws(ItemFault) in try DestinationItem(text) }
}
