package import MailModel
package import MessageFormat
import NIOCore

/// MAIL FROM:<reverse-path> [parameters] (RFC 5321 §4.1.1.2).
package struct MailCommand: Equatable, Sendable {
    package let reversePath: ReversePath
    package let parameters: [MailParameter]

    // mail = "MAIL FROM:" Reverse-path [SP Mail-parameters]
    // Blanks before the path come from many clients.
    package init(_ argument: ByteScanner) throws(SyntaxError) {
        var scanner = argument
        guard !scanner.isAtEnd else { throw .missingArgument }
        guard scanner.take(caseInsensitive: "FROM:") else { throw .argument }
        scanner.skipBlanks()
        reversePath = try scanner.takeReversePath()
        var parameters: [MailParameter] = []
        while let (keyword, value) = try scanner.takeParameter() {
            let parameter = try MailParameter(keyword, value)
            guard !parameters.contains(where: { $0.belongsTo == parameter.belongsTo }) else { throw .parameter }
            parameters.append(parameter)
        }
        self.parameters = parameters
    }
}

/// What the extensions add to MAIL.
package enum MailParameter: Equatable, Sendable {
    /// Octets (RFC 1870 §6); a number that is too large for any message reads as `Int.max`.
    case size(Int)
    /// RFC 6152 §3.
    case body(BodyType)
    /// RFC 6531 §3.4.
    case smtpUTF8
    /// RFC 4954 §5: read and not relied on.
    case auth

    package enum BodyType: Equatable, Sendable {
        case sevenBit, eightBitMIME
    }

    /// The extension without which it is unknown.
    package var belongsTo: SMTPExtension {
        switch self {
        case .size: .size
        case .body: .eightBitMIME
        case .smtpUTF8: .smtpUTF8
        case .auth: .auth
        }
    }

    fileprivate init(_ keyword: String, _ value: ByteScanner?) throws(SyntaxError) {
        switch (keyword, value) {
        case ("SIZE", var value?):
            guard value.remaining <= 20 else { throw .parameter }
            let number = value.takeNumber(upTo: UInt64(Int.max))
            let digits = value.skip(while: .digits)
            guard number != nil || digits > 0, value.isAtEnd else { throw .parameter }
            self = .size(digits > 0 ? .max : Int(number ?? 0))
        case ("BODY", var value?):
            if value.take(caseInsensitive: "8BITMIME"), value.isAtEnd {
                self = .body(.eightBitMIME)
            } else if value.take(caseInsensitive: "7BIT"), value.isAtEnd {
                self = .body(.sevenBit)
            } else {
                throw .parameter
            }
        case ("SMTPUTF8", nil): self = .smtpUTF8
        case ("AUTH", .some): self = .auth
        case ("SIZE", nil), ("BODY", nil), ("AUTH", nil), ("SMTPUTF8", .some): throw .parameter
        default: throw .unknownParameter
        }
    }
}

/// RCPT TO:<forward-path> (RFC 5321 §4.1.1.3); no extension that is offered adds a parameter.
package struct RcptCommand: Equatable, Sendable {
    package let forwardPath: ForwardPath

    // rcpt = "RCPT TO:" Forward-path [SP Rcpt-parameters]
    package init(_ argument: ByteScanner) throws(SyntaxError) {
        var scanner = argument
        guard !scanner.isAtEnd else { throw .missingArgument }
        guard scanner.take(caseInsensitive: "TO:") else { throw .argument }
        scanner.skipBlanks()
        forwardPath = try scanner.takeForwardPath()
        if try scanner.takeParameter() != nil { throw .unknownParameter }
    }
}

extension ByteScanner {
    // Mail-parameters = esmtp-param *(SP esmtp-param);  esmtp-param = esmtp-keyword ["=" esmtp-value]
    // esmtp-value = 1*(%d33-60 / %d62-126)
    /// The next parameter, its keyword in capitals; nil at the end.
    fileprivate mutating func takeParameter() throws(SyntaxError) -> (String, ByteScanner?)? {
        guard !isAtEnd else { return nil }
        guard let blank = peek(), blank == UInt8(ascii: " ") || blank == 0x09 else { throw .parameter }
        skipBlanks()
        let keyword = take(while: OctetSet.parameterKeyword)
        guard keyword.readableBytes > 0, keyword.readableBytesView.first != UInt8(ascii: "-") else { throw .parameter }
        let name = String(buffer: keyword).uppercased()
        guard take(UInt8(ascii: "=")) else { return (name, nil) }
        let value = take { $0 > 0x20 && $0 != UInt8(ascii: "=") && $0 != 0x7F }
        guard value.readableBytes > 0 else { throw .parameter }
        return (name, ByteScanner(value))
    }
}

extension OctetSet {
    fileprivate static let parameterKeyword = OctetSet.letters.union(.digits).union(OctetSet("-"))
}
