import Glibc
import MailModel
import MessageFormat
import NIOCore

/// What a program wrote to sendmail, made a message: lines end with CRLF, addresses have domains, and nobody learns who stands in Bcc.
struct SendmailMessage: Sendable {
    /// Header, empty line and text.
    let octets: ByteBuffer
    /// Those of To, Cc and Bcc, or where there are any of Resent-To, Resent-Cc and Resent-Bcc (RFC 5322 §3.6.6): each once, in order.
    let recipients: [Address]
    /// What stands there and is no address, as it is written.
    let unreadable: [String]
    /// Of its header's fields From: there is none.
    let lacksFrom: Bool
    /// Octets above 127: anywhere; and in the header, as UTF-8.
    let isEightBit: Bool
    let hasUTF8Header: Bool

    private static let addressFields: Set<String> = [
        "from", "sender", "reply-to", "to", "cc", "resent-from", "resent-sender", "resent-reply-to", "resent-to", "resent-cc",
    ]
    private static let bccFields: Set<String> = ["bcc", "resent-bcc"]
    private static let recipientFields: Set<String> = ["to", "cc", "bcc"]
    private static let resentFields: Set<String> = ["resent-to", "resent-cc", "resent-bcc"]

    /// - parameters:
    ///   - input: as it came; its lines may end with LF, CRLF, or more CRs than one.
    ///   - from: a field for a header without From.
    init(_ input: [UInt8], endsAtDot: Bool, domain: Domain, from: String? = nil) {
        let (lines, text) = SendmailMessage.divide(input, endsAtDot: endsAtDot)
        var header = ByteBuffer()
        var (own, resent): ([EnvelopeAddress], [EnvelopeAddress]) = ([], [])
        var hasFrom = false
        for field in HeaderFields(lines) {
            let name = field.name.lowercased()
            let isBcc = SendmailMessage.bccFields.contains(name)
            guard isBcc || SendmailMessage.addressFields.contains(name) else {
                if var whole = lines.getSlice(at: lines.readerIndex + field.range.lowerBound, length: field.range.count) { header.writeBuffer(&whole) }
                continue
            }
            hasFrom = hasFrom || name == "from"
            var value = AddressCompletion.complete(field.rawValue, with: domain)
            let addresses = AddressList.parse(value, limit: .max).filter { !$0.isGroupStart && !$0.isGroupEnd }
            if SendmailMessage.recipientFields.contains(name) { own += addresses }
            if SendmailMessage.resentFields.contains(name) { resent += addresses }
            guard !isBcc else { continue }
            header.writeString(field.name + ":")
            header.writeBuffer(&value)
        }
        if !hasFrom, let from { header.writeString(from + "\r\n") }
        lacksFrom = !hasFrom
        var seen = Set<Address>()
        var (known, unknown): ([Address], [String]) = ([], [])
        for recipient in resent.isEmpty ? own : resent {
            if let address = Address(recipient) {
                if seen.insert(address).inserted { known.append(address) }
            } else {
                unknown.append(recipient.mailbox ?? "")
            }
        }
        (recipients, unreadable) = (known, unknown)
        let isHeaderASCII = header.readableBytesView.allSatisfy { $0 < 0x80 }
        hasUTF8Header = !isHeaderASCII && String(validating: header.readableBytesView, as: UTF8.self) != nil
        isEightBit = !isHeaderASCII || text.readableBytesView.contains { $0 >= 0x80 }
        var whole = header
        var rest = text
        whole.writeString("\r\n")
        whole.writeBuffer(&rest)
        octets = whole
    }

    /// Header fields, and what comes behind the empty line that ends them. A line that cannot be of a header begins the text.
    private static func divide(_ input: [UInt8], endsAtDot: Bool) -> (header: ByteBuffer, text: ByteBuffer) {
        var (header, text) = (ByteBuffer(), ByteBuffer())
        text.reserveCapacity(input.count + input.count / 32)
        var place = 0
        var isInHeader = true
        input.withUnsafeBytes { input in
            while place < input.count {
                guard let start = input.baseAddress else { break }
                let feed = memchr(start + place, 0x0A, input.count - place).map { start.distance(to: $0) } ?? input.count
                var end = feed
                while end > place, input[end - 1] == 0x0D { end -= 1 }
                let line = UnsafeRawBufferPointer(rebasing: input[place..<end])
                let isFirst = place == 0
                place = feed + 1
                if endsAtDot, line.count == 1, line[0] == 0x2E { break }
                // A mailbox file's mark (mbox): mail(1) and others leave it there.
                if isFirst, line.starts(with: "From ".utf8) { continue }
                if isInHeader {
                    if isOfHeader(line, isFirst: header.readableBytes == 0) {
                        write(line, to: &header)
                        continue
                    }
                    isInHeader = false
                    if line.isEmpty { continue }
                }
                write(line, to: &text)
            }
        }
        return (header, text)
    }

    // field-name = 1*ftext; ftext = %d33-57 / %d59-126          (RFC 5322 §3.6.8)
    private static func isOfHeader(_ line: UnsafeRawBufferPointer, isFirst: Bool) -> Bool {
        guard let first = line.first else { return false }
        if first == 0x20 || first == 0x09 { return !isFirst }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return false }
        return line[..<colon].allSatisfy { (33...126).contains($0) }
    }

    private static func write(_ line: UnsafeRawBufferPointer, to buffer: inout ByteBuffer) {
        buffer.writeBytes(line)
        buffer.writeStaticString("\r\n")
    }
}

extension Address {
    /// Nil for what has no local part or no domain.
    init?(_ address: EnvelopeAddress) {
        guard let local = address.mailbox, !local.isEmpty, let domain = address.host.flatMap({ Domain($0) }) else { return nil }
        self.init(localPart: local, domain: domain)
    }
}
