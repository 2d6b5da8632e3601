import MailModel
import PostOffice

/// A way out: `NAME HOST[:PORT]... [lmtp] [tls=opportunistic|required|implicit|never] [user=NAME password-file=PATH] [private]`.
///
/// A host is a name or an IP address, one of IPv6 in brackets. Without a port it is 25, 465 with `tls=implicit`, 24 with `lmtp`.
struct RouteItem: Hashable, Sendable {
    let name: String
    private(set) var hosts: [OutgoingRoute.Host] = []
    private(set) var dialect = MailServer.Dialect.smtp
    private(set) var encryption: MailServer.Encryption
    private(set) var user: String?
    private(set) var passwordFile: String?
    private(set) var allowsPrivate = false

    /// The name that means no route, but what DNS says.
    static let exchangers = "mx"
    private static let mostHosts = 20

    init(_ text: String) throws(ItemFault) {
        let words = text.split(separator: " ").map { String($0) }
        guard let name = words.first else { throw ItemFault("it is empty") }
        guard name.utf8.allSatisfy(RouteItem.isNameOctet) else {
            throw ItemFault("\(name) is no name of letters, digits, - and _")
        }
        guard name != RouteItem.exchangers else { throw ItemFault("mx means what DNS says, and is no name of a route") }
        self.name = name
        encryption = .opportunistic
        var places: [String] = []
        var encryption: MailServer.Encryption?
        for word in words.dropFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            switch (parts[0], parts.count == 2 ? String(parts[1]) : nil) {
            case ("lmtp", nil): dialect = .lmtp
            case ("private", nil): allowsPrivate = true
            case ("tls", let value?): encryption = try RouteItem.encryption(value)
            case ("user", let value?): user = value
            case ("password-file", let value?): passwordFile = value
            case (let key, .some): throw ItemFault("\(key) is none of tls, user and password-file")
            case (_, nil): places.append(word)
            }
        }
        // A password is told to who has proved that it is meant, unless something else is said.
        self.encryption = encryption ?? (user == nil ? .opportunistic : .required(implicit: false))
        let port = self.encryption == .required(implicit: true) ? 465 : dialect.standardPort
        for place in places { hosts.append(try RouteItem.host(place, port)) }
        try check()
    }

    private func check() throws(ItemFault) {
        guard !hosts.isEmpty else { throw ItemFault("it names no host") }
        guard hosts.count <= RouteItem.mostHosts else { throw ItemFault("it names more than \(RouteItem.mostHosts) hosts") }
        guard Set(hosts.map(\.name)).count == hosts.count else { throw ItemFault("it names a host twice") }
        guard (user == nil) == (passwordFile == nil) else { throw ItemFault("user and password-file go together") }
        let addresses = hosts.map { IPAddress(literal: $0.name) }
        if !allowsPrivate, let address = addresses.compactMap(\.self).first(where: { $0.scope != .global }) {
            throw ItemFault("\(address) is \(address.scope.rawValue): add the word private")
        }
        if user != nil {
            switch encryption {
            case .required: break
            case .never where addresses.allSatisfy({ $0?.isLoopback ?? false }): break
            default: throw ItemFault("a login needs tls=required or tls=implicit")
            }
        }
    }

    /// - parameter password: as the file has it.
    func route(password: String?) -> OutgoingRoute {
        var login: MailServer.Login?
        if let user, let password { login = MailServer.Login(user: user, password: password) }
        return OutgoingRoute(name: name, hosts: hosts, dialect: dialect, encryption: encryption, login: login, allowsPrivate: allowsPrivate)
    }

    static let form = ItemForm(
        "a route: name, hosts and options",
        remedy: "give a list such as [\"smarthost relay.example.net:587 user=me password-file=/etc/martlet/relay\", \"files 127.0.0.1:2424 lmtp private\"]"
    ) { text throws(ItemFault) in try RouteItem(text) }

    // MARK: Words

    private static func isNameOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: octet == UInt8(ascii: "-") || octet == UInt8(ascii: "_")
        }
    }

    private static func encryption(_ text: String) throws(ItemFault) -> MailServer.Encryption {
        switch text {
        case "opportunistic": .opportunistic
        case "required": .required(implicit: false)
        case "implicit": .required(implicit: true)
        case "never": .never
        default: throw ItemFault("tls=\(text) is none of opportunistic, required, implicit and never")
        }
    }

    private static func host(_ text: String, _ standardPort: Int) throws(ItemFault) -> OutgoingRoute.Host {
        var name = text[...]
        var port = standardPort
        if let colon = text.lastIndex(of: ":"), colon > (text.lastIndex(of: "]") ?? text.startIndex) {
            name = text[..<colon]
            guard let number = PortText.port(text[text.index(after: colon)...]) else { throw ItemFault("\(text) has no port behind its last colon") }
            port = number
        }
        return OutgoingRoute.Host(try host(name), port: port)
    }

    /// `192.0.2.1`, `[192.0.2.1]`, `[2001:db8::1]`, `[IPv6:2001:db8::1]` or a name.
    private static func host(_ text: Substring) throws(ItemFault) -> Domain {
        let isBracketed = text.hasPrefix("[")
        let inner = isBracketed && text.hasSuffix("]") ? text.dropFirst().dropLast() : text
        if let address = IPAddress(inner) {
            guard isBracketed || !inner.contains(":"), let literal = Domain(literal: address) else { throw ItemFault("\(text) needs brackets") }
            return literal
        }
        if isBracketed {
            guard let literal = Domain(text), IPAddress(literal: literal) != nil else { throw ItemFault("\(text) is no IP address") }
            return literal
        }
        return try DomainText.name(text)
    }
}

extension Domain {
    /// The address literal of an address (RFC 5321 §4.1.3).
    init?(literal address: IPAddress) {
        self.init(address.isIPv4 ? "[\(address)]" : "[IPv6:\(address)]")
    }
}
