package import NIOCore

/// What the server answers: a code (RFC 5321 §4.2), an enhanced status code (RFC 3463, RFC 2034) and a text of one line.
///
/// The text holds no control character, whatever it was made of. Only 3xx replies, the greeting and answers to EHLO and HELO have no
/// enhanced code (RFC 2034 §4).
package struct Reply: Hashable, Sendable {
    package let code: Int
    package let status: String?
    package let text: String

    package init(_ code: Int, _ status: String?, _ text: String) {
        self.code = code
        self.status = status
        self.text = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } ? text : Reply.cleaned(text)
    }

    /// 4xx and 5xx.
    package var isRefusal: Bool { code >= 400 }

    package func write(to output: inout ByteBuffer) {
        Reply.writeCode(code, separator: UInt8(ascii: " "), to: &output)
        if let status {
            output.writeString(status)
            output.writeInteger(UInt8(ascii: " "))
        }
        output.writeString(text)
        output.writeStaticString("\r\n")
    }

    // Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF          (RFC 5321 §4.2)
    package static func write(_ code: Int, _ status: String?, lines: [String], to output: inout ByteBuffer) {
        for (index, line) in lines.enumerated() {
            writeCode(code, separator: index + 1 == lines.count ? UInt8(ascii: " ") : UInt8(ascii: "-"), to: &output)
            if let status { output.writeString(status + " ") }
            output.writeString(Reply(code, status, line).text)
            output.writeStaticString("\r\n")
        }
    }

    private static func writeCode(_ code: Int, separator: UInt8, to output: inout ByteBuffer) {
        for divisor in [100, 10, 1] { output.writeInteger(UInt8(ascii: "0") + UInt8(code / divisor % 10)) }
        output.writeInteger(separator)
    }

    private static func cleaned(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value >= 0x20 && $0.value != 0x7F ? $0 : "?" }))
    }
}
