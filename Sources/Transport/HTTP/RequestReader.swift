import Conversation
import Logging
import MailModel
import NIOHTTP1

/// Makes a request of a header as the parser gives it, or says why it is none that may be answered.
struct RequestReader {
    /// What is said in place of an answer.
    struct Refusal: Error, Hashable {
        let status: Int
        /// Where the next request begins is not certain.
        var closes = false
    }

    /// What the header says of the content behind it.
    enum Framing: Hashable {
        case none
        case length(Int)
        case chunked
    }

    let setting: HTTPSetting

    /// - parameter isStream: HTTP/2 frames the content, and says the authority beside the fields.
    func read(_ head: HTTPRequestHead, _ connection: HTTPConnection, isStream: Bool) throws(Refusal) -> (HTTPRequest, Framing) {
        var fields = HTTPFields(capacity: head.headers.count)
        // HTTP/2's decoder holds itself to a bound of its own.
        var octets = head.uri.utf8.count
        for (name, value) in head.headers {
            octets += name.utf8.count + value.utf8.count
            fields.add(parsed: name, value)
        }
        guard octets <= setting.limits.headerOctets, fields.list.count <= setting.limits.headerFields else { throw Refusal(status: 431, closes: true) }
        let framing = try framing(fields, head.version, isStream: isStream)
        let hosts = fields.all("host")
        guard hosts.count == 1 || hosts.isEmpty && head.version.isOld else { throw Refusal(status: 400, closes: true) }
        var authority = hosts.first?.lowercased() ?? ""
        guard isAuthority(authority) else { throw Refusal(status: 400, closes: true) }
        var text = head.uri
        // Absolute form (RFC 9112 §3.2.2): what it names goes before Host.
        if !text.hasPrefix("/"), let scheme = ["http://", "https://"].first(where: { text.lowercased().hasPrefix($0) }) {
            let rest = text.dropFirst(scheme.count)
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            authority = rest[..<end].lowercased()
            guard !authority.isEmpty, isAuthority(authority) else { throw Refusal(status: 400, closes: true) }
            text = rest[end...].hasPrefix("/") ? String(rest[end...]) : "/" + rest[end...]
        }
        // Asterisk form (RFC 9112 §3.2.4).
        let target = text == "*" && head.method == .OPTIONS ? RequestTarget.server : try self.target(text, connection)
        let forwarded = ForwardedClient(fields, peer: connection.peer, setting.site.forwarding)
        let request = HTTPRequest(
            method: head.method.rawValue, target: target, fields: fields, authority: authority,
            isSecure: forwarded?.isSecure ?? (connection.facts.tls != nil), client: forwarded?.address ?? connection.peer,
            isClientNamed: forwarded?.isNamed ?? false, connection: connection.facts)
        return (request, framing)
    }

    private func target(_ text: String, _ connection: HTTPConnection) throws(Refusal) -> RequestTarget {
        do { return try RequestTarget(text) } catch {
            if error != .malformed {
                setting.logger.warning(
                    "Path traversal attempt detected (..): \(LogText.quoted(text))", metadata: ["peer": "\(connection.facts.peerAddress)"])
            }
            throw Refusal(status: 400)
        }
    }

    /// RFC 9112 §6.1, §6.3: whoever could be read in two ways is not answered, and what follows is not read (request smuggling).
    private func framing(_ fields: HTTPFields, _ version: HTTPVersion, isStream: Bool) throws(Refusal) -> Framing {
        let codings = fields.all("transfer-encoding")
        let lengths = fields.all("content-length")
        guard !isStream else {
            // A coding is the translator's word for content of no known length: HTTP/2 has none (RFC 9113 §8.2.2), and its decoder refuses them.
            guard lengths.count <= 1 else { throw Refusal(status: 400) }
            guard let length = lengths.first else { return .chunked }
            guard let octets = Int(length), octets >= 0 else { throw Refusal(status: 400) }
            return octets == 0 ? .none : .length(octets)
        }
        if !codings.isEmpty {
            guard lengths.isEmpty, !version.isOld else { throw Refusal(status: 400, closes: true) }
            guard codings.count == 1, codings[0].lowercased() == "chunked" else { throw Refusal(status: 501, closes: true) }
            return .chunked
        }
        guard let length = lengths.first else { return .none }
        guard lengths.count == 1, !length.isEmpty, length.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let octets = Int(length)
        else { throw Refusal(status: 400, closes: true) }
        return octets == 0 ? .none : .length(octets)
    }

    /// A name or address with a port behind it, or nothing.
    private func isAuthority(_ text: String) -> Bool {
        text.utf8.count <= 270
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"): true
                default: false
                }
            }
    }
}

extension HTTPVersion {
    /// HTTP/1.0, which knows neither chunks nor Host.
    var isOld: Bool { major == 1 && minor == 0 }
}
