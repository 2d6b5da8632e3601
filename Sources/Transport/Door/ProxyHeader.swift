import MailModel
import NIOCore

/// What stands before a connection's first octet where a proxy passes it on: the PROXY protocol, versions 1 and 2
/// (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
enum ProxyHeader: Hashable {
    struct Party: Hashable {
        let address: IPAddress
        let port: Int
    }

    /// The proxy speaks for itself: a check of its health, or a peer that it does not name.
    case own
    case passedOn(client: Party, server: Party)

    /// No such header, or one that cannot be believed.
    struct Fault: Error, Hashable {
        let reason: String
    }

    /// With its CRLF (§2.1).
    private static let longestText = 107
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    /// Of version 2 behind its first 16 octets: addresses, and the fields behind them that are read past.
    private static let longestBinary = 4_096

    /// Takes the header from the front of `bytes`; nil: more must come first. It never needs more than 4,112 octets.
    static func read(_ bytes: inout ByteBuffer) throws(Fault) -> ProxyHeader? {
        let view = bytes.readableBytesView
        guard let first = view.first else { return nil }
        if first == signature[0] {
            guard view.prefix(signature.count).elementsEqual(signature.prefix(view.count)) else { throw Fault(reason: "no PROXY header") }
            return try readBinary(&bytes)
        }
        let mark = Array("PROXY ".utf8)
        guard view.prefix(mark.count).elementsEqual(mark.prefix(view.count)) else { throw Fault(reason: "no PROXY header") }
        guard let end = view.prefix(longestText).firstIndex(of: UInt8(ascii: "\n")) else {
            guard view.count < longestText else { throw Fault(reason: "a PROXY line without an end") }
            return nil
        }
        let line = view[view.startIndex..<end]
        guard line.last == UInt8(ascii: "\r") else { throw Fault(reason: "a PROXY line that ends in LF alone") }
        let header = try text(line.dropLast())
        bytes.moveReaderIndex(to: end + 1)
        return header
    }

    private static func text(_ line: some Collection<UInt8>) throws(Fault) -> ProxyHeader {
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        if words.count >= 2, words[1] == "UNKNOWN" { return .own }
        guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6" else { throw Fault(reason: "a PROXY line of no known form") }
        func party(_ address: String, _ port: String) throws(Fault) -> Party {
            guard let ip = IPAddress(address), ip.isIPv4 == (words[1] == "TCP4"), let number = Int(port), "\(number)" == port, (0...65_535).contains(number)
            else {
                throw Fault(reason: "a PROXY line with a bad address or port")
            }
            return Party(address: ip, port: number)
        }
        return .passedOn(client: try party(words[2], words[4]), server: try party(words[3], words[5]))
    }

    private static func readBinary(_ bytes: inout ByteBuffer) throws(Fault) -> ProxyHeader? {
        let begin = bytes.readerIndex
        guard let kind: UInt8 = bytes.getInteger(at: begin + 12) else { return nil }
        guard kind >> 4 == 2, kind & 0xF <= 1 else { throw Fault(reason: "a PROXY header of no known version or command") }
        guard let family: UInt8 = bytes.getInteger(at: begin + 13), let length: UInt16 = bytes.getInteger(at: begin + 14) else { return nil }
        guard length <= longestBinary else { throw Fault(reason: "a PROXY header of \(length) octets") }
        guard bytes.readableBytes >= 16 + Int(length) else { return nil }
        let header: ProxyHeader
        switch (kind & 0xF, family) {
        case (0, _), (1, 0x00): header = .own
        case (1, 0x11): header = try parties(bytes, at: begin + 16, Int(length), octets: 4)
        case (1, 0x21): header = try parties(bytes, at: begin + 16, Int(length), octets: 16)
        default: throw Fault(reason: "a PROXY header of a family that is not served")
        }
        bytes.moveReaderIndex(to: begin + 16 + Int(length))
        return header
    }

    private static func parties(_ bytes: ByteBuffer, at place: Int, _ length: Int, octets: Int) throws(Fault) -> ProxyHeader {
        guard length >= 2 * octets + 4, let client = bytes.getBytes(at: place, length: octets).flatMap({ IPAddress(octets: $0) }),
            let server = bytes.getBytes(at: place + octets, length: octets).flatMap({ IPAddress(octets: $0) }),
            let clientPort: UInt16 = bytes.getInteger(at: place + 2 * octets), let serverPort: UInt16 = bytes.getInteger(at: place + 2 * octets + 2)
        else { throw Fault(reason: "a PROXY header that is too short for its addresses") }
        return .passedOn(client: Party(address: client, port: Int(clientPort)), server: Party(address: server, port: Int(serverPort)))
    }
}
