import MessageFormat
package import NIOCore

/// A line of the client in a SASL exchange (RFC 9051 §6.2.2).
package enum SASLLine: Hashable, Sendable {
    /// "*": the client gives up; answer BAD.
    case cancelled
    case response(SASLResponse)
    /// No base64; answer BAD.
    case malformed

    //     authenticate = ... *(CRLF base64) ; or "*" to cancel
    package init(_ line: ByteBuffer) {
        if line.readableBytes == 1, line.getInteger(at: line.readerIndex, as: UInt8.self) == UInt8(ascii: "*") {
            self = .cancelled
        } else if let response = SASLResponse(base64: line) {
            self = .response(response)
        } else {
            self = .malformed
        }
    }
}

extension SASLResponse {
    //     base64 = *(4base64-char) [base64-terminal]                                 ; RFC 9051 §9
    //     base64-terminal = (2base64-char "==") / (3base64-char "=")
    init?(base64 text: ByteBuffer) {
        guard let bytes = Base64.decode(text) else { return nil }
        self.init(bytes: bytes)
    }
}

extension ByteBuffer {
    /// A `+` line with a SASL challenge in base64 (RFC 9051 §7.6).
    package mutating func writeContinuation(base64 challenge: some Collection<UInt8>) {
        writeStaticString("+ ")
        writeBase64(challenge)
        writeStaticString("\r\n")
    }
}
