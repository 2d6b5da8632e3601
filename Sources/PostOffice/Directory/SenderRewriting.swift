import Crypto
package import MailModel

/// The sender rewriting scheme (SRS): mail that is sent on has a sender of ours, by which SPF passes (RFC 7208 §2.4) and reports on failures find their way back to
/// who wrote it.
///
/// `SRS0=hash=day=domain=local@ours` stands for `local@domain`. What another server has so rewritten already becomes `SRS1=hash=their host==…@ours`, which goes back to
/// them and does not grow. The hash is keyed, so that nobody else can have mail sent on; it does not mind case, which some servers change. An address is good for
/// `lifetime`.
package struct SenderRewriting: Sendable {
    private let key: SymmetricKey
    private let clock: Timestamp.Clock

    /// Days. A queue gives up after five.
    package static let lifetime: Int64 = 21
    /// Octets of a local part (RFC 5321 §4.5.3.1.1).
    private static let longest = 64
    /// Days are counted round in two letters.
    private static let round: Int64 = 1_024
    private static let hashLetters = 8

    /// - parameter secret: 16 octets at least, the same after every restart, and known to nobody else.
    package init(secret: [UInt8], clock: @escaping Timestamp.Clock) {
        key = SymmetricKey(data: secret)
        self.clock = clock
    }

    /// What stands for a sender, at a domain of ours; nil: it would be longer than an address may be.
    package func rewritten(_ sender: Address, at domain: Domain) -> Address? {
        let local: String
        if let rest = SenderRewriting.rest(of: sender.localPart, "srs0") {
            local = first(sender.domain.value, rest)
        } else if let (_, host, rest) = SenderRewriting.secondParts(sender.localPart) {
            local = first(host, rest)
        } else {
            let text = "\(day)=\(sender.domain.value)=\(sender.localPart)"
            local = "SRS0=\(hash(text))=\(text)"
        }
        guard local.utf8.count <= SenderRewriting.longest else { return nil }
        return Address(localPart: local, domain: domain)
    }

    /// Whom an address of ours stands for; nil: it is none of these, is too old, or was not made here.
    package func original(of address: Address) -> Address? {
        if let rest = SenderRewriting.rest(of: address.localPart, "srs0") {
            let parts = rest.dropFirst().split(separator: "=", maxSplits: 3, omittingEmptySubsequences: false)
            guard parts.count == 4, isHash(parts[0], of: parts[1...].joined(separator: "=")), isCurrent(parts[1]), let domain = Domain(parts[2]) else {
                return nil
            }
            return Address(localPart: String(parts[3]), domain: domain)
        }
        guard let (hash, host, rest) = SenderRewriting.secondParts(address.localPart), isHash(hash, of: "\(host)=\(rest)"), let domain = Domain(host) else {
            return nil
        }
        return Address(localPart: "SRS0" + rest, domain: domain)
    }

    // MARK: Parts

    private func first(_ host: String, _ rest: Substring) -> String { "SRS1=\(hash("\(host)=\(rest)"))=\(host)=\(rest)" }

    /// Behind the tag, from its separator on: `=`, and `+` and `-` of others.
    private static func rest(of local: String, _ tag: String) -> Substring? {
        guard local.utf8.count > tag.utf8.count, local.prefix(tag.count).lowercased() == tag else { return nil }
        let rest = local.dropFirst(tag.count)
        return rest.first.map { "=+-".contains($0) } == true ? rest : nil
    }

    /// Of `SRS1=hash=host=…`, whose rest begins with the separator that the first server wrote.
    private static func secondParts(_ local: String) -> (hash: Substring, host: String, rest: Substring)? {
        guard let rest = rest(of: local, "srs1") else { return nil }
        let parts = rest.dropFirst().split(separator: "=", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let separator = parts[2].first, "=+-".contains(separator) else { return nil }
        return (parts[0], parts[1].lowercased(), parts[2])
    }

    // MARK: Hash and day

    /// Letters of 40 bits of HMAC-SHA-256.
    private func hash(_ text: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array(text.lowercased().utf8), using: key)
        let bits = code.prefix(5).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return SenderRewriting.letters(bits, SenderRewriting.hashLetters)
    }

    private func isHash(_ given: some StringProtocol, of text: String) -> Bool {
        let (given, known) = (Array(given.lowercased().utf8), Array(hash(text).utf8))
        // In the same time, wherever they differ.
        return given.count == known.count && zip(given, known).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private var today: Int64 { clock().rawValue / 86_400 }
    private var day: String { SenderRewriting.letters(UInt64(today % SenderRewriting.round), 2) }

    private func isCurrent(_ text: Substring) -> Bool {
        let octets = Array(text.lowercased().utf8)
        guard octets.count == 2 else { return false }
        var day: Int64 = 0
        for octet in octets {
            guard let value = SenderRewriting.alphabet.firstIndex(of: octet) else { return false }
            day = day << 5 | Int64(value)
        }
        let age = (today - day) % SenderRewriting.round
        return (age + SenderRewriting.round) % SenderRewriting.round <= SenderRewriting.lifetime
    }

    // RFC 4648 §6
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    private static func letters(_ bits: UInt64, _ count: Int) -> String {
        String(decoding: (0..<count).reversed().map { alphabet[Int(bits >> (5 * UInt64($0)) & 31)] }, as: UTF8.self)
    }
}
