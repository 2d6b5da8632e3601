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
                guard !line.contains(where: { $0 == 0 || $0 == 0x0D }) else { return false }
                let isContinuation = line[0] == 0x20 || line[0] == 0x09
                guard isContinuation ? start > 0 : isField(line) else { return false }
                start = feed + 1
            }
            return true
        }
    }

    private static func isField(_ line: UnsafeRawBufferPointer) -> Bool {
        guard let colon = line.firstIndex(of: 0x3A), colon > 0, line[..<colon].allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
        let name = line[..<colon].map { OctetSet.lowercased($0) }
        return !name.starts(with: "content-".utf8) && !ofTheText.contains(name)
    }

    /// RFC 5322 §3.6, RFC 2045 §3.
    private static let ofTheText = Set(
        [
            "date", "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject", "mime-version",
        ].map { Array($0.utf8) })
}
