import Crypto
import MailModel

/// Words that only this server can have written, as parts of lists' addresses: who has one got it by a letter.
///
/// A token is some octets, for what it is about, and the first 64 bits of their HMAC-SHA-256 (RFC 2104) with the list and the purpose; in base32 (RFC 4648 §6)
/// of small letters, for servers write local parts in any case.
package struct ListTokens: Sendable {
    private let key: SymmetricKey

    /// - parameter secret: 32 octets that nobody else has, and the same for ever: what is in old mail must stay true.
    package init(secret: [UInt8]) { key = SymmetricKey(data: secret) }

    private static let proof = 8

    func token(_ role: ListRole, of list: MailingList, _ octets: [UInt8]) -> String {
        Base32.encode(octets + proof(role, list, octets))
    }

    /// What it is about; nil: we have not written it, or for something else.
    func open(_ token: some StringProtocol, _ role: ListRole, of list: MailingList) -> [UInt8]? {
        guard let octets = Base32.decode(token), octets.count > ListTokens.proof else { return nil }
        let about = Array(octets.dropLast(ListTokens.proof))
        let difference = zip(octets.suffix(ListTokens.proof), proof(role, list, about)).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) }
        return difference == 0 ? about : nil
    }

    private func proof(_ role: ListRole, _ list: MailingList, _ octets: [UInt8]) -> [UInt8] {
        var mac = HMAC<SHA256>(key: key)
        mac.update(data: Array("\(role.rawValue) \(list.key) \(list.created.rawValue)\n".utf8))
        mac.update(data: octets)
        return Array(mac.finalize().prefix(ListTokens.proof))
    }

    // MARK: What tokens are about

    /// A member's number, and when the post was sent. Number 0: the owners, whose mail is not watched.
    func bounces(_ number: UInt32, _ sent: Timestamp, of list: MailingList) -> String {
        token(.bounces, of: list, ListTokens.octets(number) + ListTokens.octets(UInt32(clamping: sent.rawValue)))
    }

    func leave(_ number: UInt32, of list: MailingList) -> String { token(.leave, of: list, ListTokens.octets(number)) }

    func decision(_ role: ListRole, on entry: QueueID, of list: MailingList) -> String {
        token(role, of: list, ListTokens.octets(UInt64(bitPattern: entry.rawValue)))
    }

    /// Of somebody's wish to join or leave, asked at that time.
    func confirm(_ wish: String, _ asked: Timestamp, of list: MailingList) -> String {
        // The wish itself is too long for an address, and its hash is as good.
        token(.confirm, of: list, Array(SHA256.hash(data: Array("\(asked.rawValue) \(wish)".utf8)).prefix(8)))
    }

    static func octets(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    static func number<Number: FixedWidthInteger>(_ octets: some Collection<UInt8>) -> Number? {
        octets.count == Number.bitWidth / 8 ? octets.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) } : nil
    }
}

/// RFC 4648 §6, in small letters and without padding.
enum Base32 {
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    static func encode(_ octets: [UInt8]) -> String {
        var text: [UInt8] = []
        var (bits, count): (UInt32, Int) = (0, 0)
        for octet in octets {
            (bits, count) = (bits << 8 | UInt32(octet), count + 8)
            while count >= 5 {
                text.append(alphabet[Int(bits >> UInt32(count - 5) & 31)])
                count -= 5
            }
        }
        if count > 0 { text.append(alphabet[Int(bits << UInt32(5 - count) & 31)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// In either case. Nil: no such text, or one that is written in another way.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count <= 64 else { return nil }
        var octets: [UInt8] = []
        var (bits, count): (UInt32, Int) = (0, 0)
        for letter in text.utf8 {
            let value: UInt8
            switch letter {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = letter - UInt8(ascii: "a")
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = letter - UInt8(ascii: "A")
            case UInt8(ascii: "2")...UInt8(ascii: "7"): value = letter - UInt8(ascii: "2") + 26
            default: return nil
            }
            (bits, count) = (bits << 5 | UInt32(value), count + 5)
            if count >= 8 {
                octets.append(UInt8(truncatingIfNeeded: bits >> UInt32(count - 8)))
                count -= 8
            }
        }
        let isClean = count < 5 && bits & (1 << UInt32(count) - 1) == 0
        return isClean ? octets : nil
    }
}
