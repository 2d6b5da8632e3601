import MailModel

/// What Received-SPF has to say (RFC 7208 §9.1).
///
/// What peers said stands in quoted strings, in printable US-ASCII ("?" for the rest), and of each the first `mostSaid` octets: nothing of it ends a field, a
/// string or a comment.
package enum ReceivedSPF {
    /// Of one value, before its quoting.
    static let mostSaid = 200

    // header-field   = "Received-SPF:" [CFWS] result FWS [comment FWS] [key-value-list] CRLF
    // key-value-list = key-value-pair *( ";" [CFWS] key-value-pair ) [";"]
    /// The field's value in pieces between which it may be folded, for blanks; each of 700 octets at most, without line ends.
    package static func pieces(_ verdict: SPFVerdict, _ question: SPFQuestion) -> [String] {
        var pairs: [(String, String?)] = [
            ("identity", verdict.identity == .mailFrom ? "mailfrom" : "helo"), ("client-ip", question.address.description), ("envelope-from", verdict.sender),
            ("helo", question.helo), ("receiver", question.receiver?.value),
        ]
        switch verdict.result {
        case .temperror, .permerror: pairs.append(("problem", verdict.reason))
        case .none, .neutral, .pass, .fail, .softfail: pairs.append(("mechanism", verdict.mechanism))
        }
        let written = pairs.compactMap { key, value in value.map { "\(key)=\(word($0))" } }
        return ["\(verdict.result.rawValue) (\(comment(verdict, question)))"] + written.dropLast().map { $0 + ";" } + written.suffix(1)
    }

    /// In one line.
    package static func value(_ verdict: SPFVerdict, _ question: SPFQuestion) -> String { pieces(verdict, question).joined(separator: " ") }

    /// Of names of hosts and addresses alone, which no comment can be ended by.
    private static func comment(_ verdict: SPFVerdict, _ question: SPFQuestion) -> String {
        let judge = question.receiver.flatMap { $0.isASCII && !$0.isLiteral ? "\($0): " : nil } ?? ""
        let domain = verdict.domain.map(\.value) ?? "the domain"
        let words =
            switch verdict.result {
            case .none: "\(domain) does not say who may send for it"
            case .neutral: "\(domain) does not say whether \(question.address) may send for it"
            case .pass: "\(domain) lets \(question.address) send for it"
            case .fail: "\(domain) does not let \(question.address) send for it"
            case .softfail: "\(domain) doubts that \(question.address) may send for it"
            case .temperror: "\(domain) could not be asked who may send for it"
            case .permerror: "what \(domain) says of who may send for it is in error"
            }
        return judge + words
    }

    // key-value-pair = key [CFWS] "=" ( dot-atom / quoted-string )
    private static func word(_ text: String) -> String {
        let octets = text.unicodeScalars.prefix(mostSaid).map { (0x20...0x7E).contains($0.value) ? UInt8($0.value) : UInt8(ascii: "?") }
        if isDotAtom(octets) { return String(decoding: octets, as: UTF8.self) }
        var quoted = [UInt8(ascii: "\"")]
        for octet in octets {
            if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") { quoted.append(UInt8(ascii: "\\")) }
            quoted.append(octet)
        }
        return String(decoding: quoted, as: UTF8.self) + "\""
    }

    /// RFC 5322 §3.2.3, of which letters, digits, "-", "_" and dots are enough.
    private static func isDotAtom(_ octets: [UInt8]) -> Bool {
        octets.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty
                && label.allSatisfy { octet in
                    switch octet {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                    case UInt8(ascii: "-"), UInt8(ascii: "_"): true
                    default: false
                    }
                }
        }
    }
}
