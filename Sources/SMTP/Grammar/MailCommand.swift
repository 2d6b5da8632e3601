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
            guard !parameters.contains(where: { $0.excludes(parameter) }) else { throw .parameter }
            parameters.append(parameter)
        }
        self.parameters = parameters
    }
}

/// What the extensions add to MAIL.
package enum MailParameter: Equatable, Sendable {
    /// Octets (RFC 1870 §6); a number that is too large for any message reads as `Int.max`.
    case size(Int)
    /// RFC 6152 §3, RFC 3030 §3.
    case body(BodyType)
    /// RFC 6531 §3.4.
    case smtpUTF8
    /// RFC 4954 §5: read and not relied on.
    case auth
    /// RET: whether reports return all of the message or its header (RFC 3461 §4.3).
    case returns(Returned)
    /// ENVID, as it came: xtext of printable characters, 1...100 octets (RFC 3461 §4.4).
    case envelopeID(String)
    /// HOLDFOR, in seconds: 1...999,999,999 (RFC 4865 §4).
    case holdFor(Int)
    /// HOLDUNTIL (RFC 4865 §4).
    case holdUntil(Timestamp)
    /// BY (RFC 2852 §4).
    case deliverBy(DeliveryTime)
    /// MT-PRIORITY: -9...9 (RFC 6710 §4).
    case priority(Int8)
    /// REQUIRETLS (RFC 8689 §2).
    case requireTLS

    package enum BodyType: Equatable, Sendable {
        case sevenBit, eightBitMIME, binaryMIME
    }

    package enum Returned: Equatable, Sendable {
        case full, header
    }

    /// In how much time a message is to be delivered.
    package struct DeliveryTime: Equatable, Sendable {
        /// -999,999,999...999,999,999; above 0 where the message is to come back.
        package let seconds: Int
        /// R, not N: when the time is over it comes back, and is not delivered late.
        package let isReturned: Bool
        /// T: each server that takes it tells.
        package let isTraced: Bool
    }

    /// The extension without which it is unknown.
    package var belongsTo: SMTPExtension {
        switch self {
        case .size: .size
        case .body(.binaryMIME): .binaryMIME
        case .body: .eightBitMIME
        case .smtpUTF8: .smtpUTF8
        case .auth: .auth
        case .returns, .envelopeID: .dsn
        case .holdFor, .holdUntil: .futureRelease
        case .deliverBy: .deliverBy
        case .priority: .priority
        case .requireTLS: .requireTLS
        }
    }

    /// Whether one command may not have both: the same twice, or two that contradict each other (RFC 4865 §4).
    fileprivate func excludes(_ other: MailParameter) -> Bool {
        switch (self, other) {
        case (.returns, .envelopeID), (.envelopeID, .returns): false
        case (.body, .body): true
        default: belongsTo == other.belongsTo
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
            } else if value.take(caseInsensitive: "BINARYMIME"), value.isAtEnd {
                self = .body(.binaryMIME)
            } else {
                throw .parameter
            }
        case ("SMTPUTF8", nil): self = .smtpUTF8
        case ("AUTH", .some): self = .auth
        case ("RET", var value?): self = .returns(try value.takeReturned())
        case ("ENVID", let value?): self = .envelopeID(try value.takeEnvelopeID())
        case ("HOLDFOR", var value?): self = .holdFor(try value.takeHoldInterval())
        case ("HOLDUNTIL", let value?): self = .holdUntil(try value.takeHoldEnd())
        case ("BY", var value?): self = .deliverBy(try value.takeDeliveryTime())
        case ("MT-PRIORITY", var value?): self = .priority(try value.takePriority())
        case ("REQUIRETLS", nil): self = .requireTLS
        case ("SIZE", nil), ("BODY", nil), ("AUTH", nil), ("SMTPUTF8", .some), ("RET", nil), ("ENVID", nil), ("HOLDFOR", nil), ("HOLDUNTIL", nil),
            ("BY", nil), ("MT-PRIORITY", nil), ("REQUIRETLS", .some):
            throw .parameter
        default: throw .unknownParameter
        }
    }
}

/// RCPT TO:<forward-path> [parameters] (RFC 5321 §4.1.1.3).
package struct RcptCommand: Equatable, Sendable {
    package let forwardPath: ForwardPath
    package let parameters: [RcptParameter]

    // rcpt = "RCPT TO:" Forward-path [SP Rcpt-parameters]
    package init(_ argument: ByteScanner) throws(SyntaxError) {
        var scanner = argument
        guard !scanner.isAtEnd else { throw .missingArgument }
        guard scanner.take(caseInsensitive: "TO:") else { throw .argument }
        scanner.skipBlanks()
        forwardPath = try scanner.takeForwardPath()
        var parameters: [RcptParameter] = []
        while let (keyword, value) = try scanner.takeParameter() {
            let parameter = try RcptParameter(keyword, value)
            guard !parameters.contains(where: { $0.isSameKind(as: parameter) }) else { throw .parameter }
            parameters.append(parameter)
        }
        self.parameters = parameters
    }
}

/// What the extensions add to RCPT.
package enum RcptParameter: Equatable, Sendable {
    /// NOTIFY: of what the sender wants to hear (RFC 3461 §4.1). Not empty; `never` is alone.
    case notify(Notify)
    /// ORCPT: whom the sender meant (RFC 3461 §4.2), `addr-type;xtext` in ASCII, 500 octets at most. One that came in UTF-8 is in the form that is safe anywhere
    /// (RFC 6533 §3); `isUTF8` then.
    case original(String, isUTF8: Bool)

    package struct Notify: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let success = Notify(rawValue: 1)
        package static let failure = Notify(rawValue: 2)
        package static let delay = Notify(rawValue: 4)
        package static let never = Notify(rawValue: 8)
    }

    /// The extension without which it is unknown.
    package var belongsTo: SMTPExtension { .dsn }

    fileprivate init(_ keyword: String, _ value: ByteScanner?) throws(SyntaxError) {
        switch (keyword, value) {
        case ("NOTIFY", var value?): self = .notify(try value.takeNotify())
        case ("ORCPT", let value?): self = try value.takeOriginalRecipient()
        case ("NOTIFY", nil), ("ORCPT", nil): throw .parameter
        default: throw .unknownParameter
        }
    }

    fileprivate func isSameKind(as other: RcptParameter) -> Bool {
        switch (self, other) {
        case (.notify, .notify), (.original, .original): true
        default: false
        }
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
