/// Header fields that stand before a message's text for one of those who have it: Return-Path, Received, and what else its way and its judges have written.
///
/// They are known only when the text has passed, and differ where the text does not; so they are kept beside the text, which many may share, and who reads
/// the message reads both as one. Only whole fields, each line ended with CRLF, and none that an envelope or a structure is made of: these are the text's.
package struct MessageHead: Hashable, Sendable {
    /// One field at least.
    package let octets: [UInt8]

    /// Octets that a head may have.
    package static let most = 16 << 10

    /// Nil for what is no such fields, or too long.
    package init?(_ octets: [UInt8]) {
        guard !octets.isEmpty, octets.count <= MessageHead.most, MessageHead.isWhole(octets) else { return nil }
        self.octets = octets
    }

    /// Octets that were a head before.
    package init(stored octets: [UInt8]) { self.octets = octets }

    // fields = *(field-name ":" … CRLF), folded lines begin with a blank (RFC 5322 §2.2, §2.2.3)
    private static func isWhole(_ octets: [UInt8]) -> Bool {
        octets.withUnsafeBytes { octets in
            var start = 0
            while start < octets.count {
                guard let feed = Lines.index(of: 0x0A, in: octets, from: start), feed > start + 1, octets[feed - 1] == 0x0D else { return false }
                let line = UnsafeRawBufferPointer(rebasing: octets[start..<(feed - 1)])
                guard Lines.index(of: 0, in: line, from: 0) == nil, Lines.index(of: 0x0D, in: line, from: 0) == nil else { return false }
                let isContinuation = line[0] == 0x20 || line[0] == 0x09
                guard isContinuation ? start > 0 : isField(line) else { return false }
                start = feed + 1
            }
            return true
        }
    }

    private static func isField(_ line: UnsafeRawBufferPointer) -> Bool {
        guard let colon = Lines.index(of: 0x3A, in: line, from: 0), colon > 0 else { return false }
        let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
        for octet in name where octet <= 0x20 || octet >= 0x7F { return false }
        return !starts(name, with: "content-") && !ofTheText.contains { $0.utf8CodeUnitCount == name.count && starts(name, with: $0) }
    }

    /// `word`: in lower case.
    private static func starts(_ name: UnsafeRawBufferPointer, with word: StaticString) -> Bool {
        guard name.count >= word.utf8CodeUnitCount else { return false }
        for index in 0..<word.utf8CodeUnitCount where OctetSet.lowercased(name[index]) != word.utf8Start[index] { return false }
        return true
    }

    /// RFC 5322 §3.6, RFC 2045 §3.
    private static let ofTheText: [StaticString] = [
        "date", "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject", "mime-version",
    ]
}
