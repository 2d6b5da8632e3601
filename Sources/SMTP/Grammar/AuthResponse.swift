package import NIOCore

/// A client's line within an AUTH exchange (RFC 4954 §4).
package enum AuthResponse: Equatable, Sendable {
    /// `*`
    case cancel
    case octets([UInt8])

    // cancel-response = "*";  base64 = base64-terminal / ( 1*(4base64-CHAR) [base64-terminal] )
    /// - parameter line: without its CRLF.
    package init(_ line: ByteBuffer) throws(SyntaxError) {
        if line.readableBytesView.elementsEqual([UInt8(ascii: "*")]) {
            self = .cancel
        } else {
            self = .octets(try AuthResponse.decode(line))
        }
    }

    /// Base64 as RFC 4648 §4 has it: padded, nothing else in it, unused bits zero.
    static func decode(_ text: ByteBuffer) throws(SyntaxError) -> [UInt8] {
        let octets = text.readableBytesView
        guard octets.count % 4 == 0 else { throw .base64 }
        let padding = octets.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        var result: [UInt8] = []
        result.reserveCapacity(octets.count / 4 * 3)
        var bits: UInt32 = 0
        var count = 0
        for octet in octets.dropLast(padding) {
            guard let value = sextet(octet) else { throw .base64 }
            bits = bits << 6 | value
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            bits &= (1 << UInt32(count)) - 1
        }
        guard bits == 0 else { throw .base64 }
        return result
    }

    private static func sextet(_ octet: UInt8) -> UInt32? {
        switch octet {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(octet - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(octet - UInt8(ascii: "a") + 26)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(octet - UInt8(ascii: "0") + 52)
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}

/// What PLAIN's one message says (RFC 4616 §2).
package struct PlainMessage: Equatable, Sendable {
    package let authorization: String
    package let user: String
    /// As it came.
    package let password: [UInt8]

    // message = [authzid] UTF8NUL authcid UTF8NUL passwd
    package init(_ octets: [UInt8]) throws(SyntaxError) {
        let fields = octets.split(separator: 0, omittingEmptySubsequences: false)
        guard fields.count == 3, let authorization = String(validating: fields[0], as: UTF8.self),
            let user = String(validating: fields[1], as: UTF8.self), !user.isEmpty
        else { throw .argument }
        self.authorization = authorization
        self.user = user
        password = Array(fields[2])
    }
}
