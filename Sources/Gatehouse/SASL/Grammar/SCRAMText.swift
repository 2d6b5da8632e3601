import MessageFormat
import NIOCore

/// What SCRAM's messages are made of (RFC 5802 §5.1, §7).
enum SCRAMText {
    /// Octets of a client's message: more than any name, nonce or binding needs.
    static let longestMessage = 4_096
    /// Octets of a nonce, the server's part in it.
    static let longestNonce = 256

    static let comma = UInt8(ascii: ",")

    /// What stands behind `letter` and `=`; nil: it is another attribute, or has no value.
    static func value(_ letter: Character, of attribute: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard attribute.count > 2, attribute.first == letter.asciiValue, attribute.dropFirst().first == UInt8(ascii: "=") else { return nil }
        return attribute.dropFirst(2)
    }

    // saslname = 1*(value-safe-char / "=2C" / "=3D")
    static func name(_ octets: ArraySlice<UInt8>) -> String? {
        var name: [UInt8] = []
        var rest = octets
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "=") else {
                name.append(octet)
                continue
            }
            switch Array(rest.prefix(2)) {
            case Array("2C".utf8): name.append(comma)
            case Array("3D".utf8): name.append(UInt8(ascii: "="))
            default: return nil
            }
            rest = rest.dropFirst(2)
        }
        return name.isEmpty || name.contains(0) ? nil : String(validating: name, as: UTF8.self)
    }

    // printable = %x21-2B / %x2D-7E;  nonce = "r=" c-nonce [s-nonce];  c-nonce = printable
    static func nonce(_ attribute: ArraySlice<UInt8>) -> [UInt8]? {
        guard let nonce = value("r", of: attribute), nonce.count <= longestNonce,
            nonce.allSatisfy({ (0x21...0x7E).contains($0) && $0 != comma })
        else { return nil }
        return Array(nonce)
    }

    // extensions = attr-val *("," attr-val);  attr-val = ALPHA "=" value
    /// Optional extensions are passed over, but they must be some. `octets`: behind the comma before them.
    static func areExtensions(_ octets: ArraySlice<UInt8>) -> Bool {
        octets.split(separator: comma, omittingEmptySubsequences: false).allSatisfy { attribute in
            guard let letter = attribute.first, (0x41...0x5A).contains(letter & 0xDF) else { return false }
            return attribute.count > 2 && attribute.dropFirst().first == UInt8(ascii: "=") && !attribute.contains(0)
        }
    }

    static func base64(_ octets: [UInt8]) -> [UInt8] {
        var text = ByteBuffer()
        text.writeBase64(octets)
        return Array(text.readableBytesView)
    }
}
