/// What another server answered (RFC 5321 §4.2), made safe to be kept, shown and quoted: whatever it sent, no line holds a control character, and there are
/// never more than `mostLines` lines of `mostOctets` octets.
package struct RemoteReply: Hashable, Sendable {
    /// 200...599.
    package let code: Int
    package let status: EnhancedStatus?
    /// Without code and enhanced code; one at least, which may be empty.
    package let lines: [String]

    package static let mostLines = 20
    package static let mostOctets = 500

    /// What is too long or too much is cut; a control character, or what is no character, becomes `?`.
    package init(code: Int, status: EnhancedStatus?, lines: [String]) {
        self.code = min(max(code, 200), 599)
        self.status = status
        let kept = lines.prefix(RemoteReply.mostLines).map(RemoteReply.cleaned)
        self.lines = kept.isEmpty ? [""] : Array(kept)
    }

    /// In one line: `550 5.1.1 No such user`.
    package var written: String {
        let text = lines.filter { !$0.isEmpty }.joined(separator: " ")
        return ([String(code)] + (status.map { [$0.description] } ?? []) + (text.isEmpty ? [] : [text])).joined(separator: " ")
    }

    /// A line of somebody else's that may be shown: cut at `mostOctets`, with `?` for control characters and such as hide or turn text.
    package static func cleaned(_ line: String) -> String {
        var text = ""
        var room = mostOctets
        for scalar in line.unicodeScalars {
            let isControl =
                scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.properties.generalCategory == .format
                || scalar.value == 0x2028 || scalar.value == 0x2029
            let shown: Unicode.Scalar = isControl ? "?" : scalar
            room -= UTF8.width(shown)
            guard room >= 0 else { break }
            text.unicodeScalars.append(shown)
        }
        return text
    }
}
