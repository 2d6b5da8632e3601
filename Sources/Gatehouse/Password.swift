package import MailModel

/// A password as somebody typed it, 0...`longest` octets of use; it never prints itself, not even to a debugger's `dump`.
///
/// UTF-8 text is brought to normal form C (RFC 8265 §4.2.2), so that two keyboards type the same password; octets that are no UTF-8 stay as
/// they are.
package struct Password: Sendable {
    private let octets: [UInt8]

    /// A longer one is nobody's password.
    package static let longest = 1_024

    package init(_ text: String) {
        octets = Array(text.normalizedC.utf8)
    }

    package init(octets: some Sequence<UInt8>) {
        let octets = Array(octets)
        self.octets = String(validating: octets, as: UTF8.self).map { Array($0.normalizedC.utf8) } ?? octets
    }

    package var isTooLong: Bool { octets.count > Password.longest }

    /// Characters as a person counts them.
    var characterCount: Int { String(decoding: octets, as: UTF8.self).count }

    /// The text, to be held against names and lists of weak passwords: in lower case, full-width letters and dots as ASCII's, without what cannot be seen.
    var folded: String { Password.fold(String(decoding: octets, as: UTF8.self)) }

    static func fold(_ text: String) -> String {
        var folded = String.UnicodeScalarView()
        for scalar in text.normalizedC.unicodeScalars where !scalar.properties.isDefaultIgnorableCodePoint {
            switch scalar.value {
            // Fullwidth forms are ASCII's at another place.
            case 0xFF01...0xFF5E: folded.append(Unicode.Scalar(UInt8(scalar.value - 0xFF01 + 0x21)))
            // Dots of other scripts that domain names are typed with (RFC 3490 §3.1).
            case 0x3002, 0xFF61: folded.append(".")
            default: folded.append(scalar)
            }
        }
        return String(folded).lowercased().normalizedC
    }

    /// The account whose name it is, whether or not there is one: NAME@DOMAIN, or a NAME of `domain`.
    package func accountName(in domain: Domain) -> AccountName? {
        // try?: what is no name is nobody's.
        try? AccountName(folded, defaultDomain: domain)
    }

    /// The domain whose name it is, whether or not there is one.
    package var domainName: Domain? { Domain(folded) }

    /// How clients of SCRAM may spell it: prepared (RFC 4013), and as it is where that is something else.
    var spellings: [[UInt8]] {
        guard let text = String(validating: octets, as: UTF8.self) else { return [octets] }
        let prepared = Array(SASLprep.prepared(text).utf8)
        return prepared == octets || prepared.isEmpty ? [octets] : [prepared, octets]
    }

    func withOctets<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try octets.withUnsafeBytes(body)
    }
}

extension Password: Equatable {
    package static func == (a: Password, b: Password) -> Bool { isEqualInConstantTime(a.octets, b.octets) }
}

extension Password: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "(password)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: [Mirror.Child]()) }
}

/// Takes the same time wherever two runs of octets of one length differ.
func isEqualInConstantTime(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    var difference: UInt8 = 0
    for (x, y) in zip(a, b) { difference |= x ^ y }
    return difference == 0
}
