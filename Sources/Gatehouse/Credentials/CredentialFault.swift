/// Why a credential is not made, changed or taken.
package enum CredentialFault: Error, Equatable, Sendable, CustomStringConvertible {
    case label
    case protocols
    case network(String)
    case expired
    case tooMany
    case noSuchAppPassword(String)
    case secondFactorIsOn
    case secondFactorIsOff
    case nothingToConfirm
    /// A wrong code, or one that was used before.
    case wrongCode

    package var description: String {
        switch self {
        case .label: "an app password has a name of 1 to \(AppPassword.longestLabel) characters that can be shown"
        case .protocols: "an app password is for one protocol at least"
        case .network(let fault): "no network: \(fault)"
        case .expired: "that moment has passed"
        case .tooMany: "an account has at most \(AppPassword.most) app passwords; remove one first"
        case .noSuchAppPassword(let id): "there is no app password \(id)"
        case .secondFactorIsOn: "the second factor is on already; disable it first"
        case .secondFactorIsOff: "the second factor is not on"
        case .nothingToConfirm: "there is nothing to confirm; enroll first"
        case .wrongCode: "the code is wrong, or was used before"
        }
    }

    /// What is asked for is not there.
    package var isAbsence: Bool {
        switch self {
        case .noSuchAppPassword, .secondFactorIsOff, .nothingToConfirm: true
        default: false
        }
    }
}
