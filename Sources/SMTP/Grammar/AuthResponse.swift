import MessageFormat
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
        guard let octets = Base64.decode(text) else { throw .base64 }
        return octets
    }
}
