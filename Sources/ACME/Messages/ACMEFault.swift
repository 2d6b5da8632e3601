package import MailModel

/// Why something is not done with a CA. Each says it in one line.
package enum ACMEFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// The CA refuses.
    case refused(status: Int, Problem)
    /// The CA wants to be left alone until then (429, 503, `rateLimited`).
    case limited(until: Timestamp, Problem)
    /// What it says is not what RFC 8555 has it say.
    case malformed(String)
    /// It is not reached.
    case unreachable(String)
    /// It has no decision for longer than anybody waits.
    case undecided(String)
    /// It does not see that these names are ours.
    case notProved([NameFault])
    /// It has proof, and issues nothing.
    case notIssued(Problem)
    /// What it has issued is not what was asked for.
    case unfit(String)
    /// No order is made before then, by what went before.
    case tooEarly(Timestamp)
    /// There is nothing by that name.
    case unknown(String)

    package var description: String {
        switch self {
        case .refused(let status, let problem): "the CA refuses (\(status)): \(problem)"
        case .limited(let until, let problem): "the CA asks to wait until \(until): \(problem)"
        case .malformed(let what): "the CA does not speak as RFC 8555 has it: \(what)"
        case .unreachable(let reason): "the CA is not reached: \(reason)"
        case .undecided(let what): "the CA does not decide: \(what)"
        case .notProved(let names): "the CA does not see that names are ours: " + names.prefix(10).map(\.description).joined(separator: "; ")
        case .notIssued(let problem): "the CA issues nothing: \(problem)"
        case .unfit(let reason): "the certificate that was issued is not what was asked for: \(reason)"
        case .tooEarly(let time): "nothing is tried before \(time), after what went wrong before"
        case .unknown(let name): "there is no certificate \(ACMEFault.oneLine(name))"
        }
    }

    /// Text of a stranger's, in printable ASCII, at most 400 characters.
    static func oneLine(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(400).map { (" "..."~").contains($0) ? $0 : "?" }))
    }
}

/// What a CA has against a name.
package struct NameFault: Hashable, Sendable, CustomStringConvertible {
    package let name: CertificateName
    /// In one line.
    package let reason: String

    package init(_ name: CertificateName, _ reason: String) { (self.name, self.reason) = (name, reason) }

    package var description: String { "\(name): \(reason)" }
}
