/// What an account's owner or an administrator demands of its logins, beside the password; kept as JSON, so that a field that comes later is no other form.
struct AccountSecurity: Codable, Hashable, Sendable {
    /// The password is to be changed before it opens anything again (S109).
    var mustReset: Bool?
    var totp: SecondFactor?

    var isEmpty: Bool { mustReset != true && totp == nil }

    struct SecondFactor: Codable, Hashable, Sendable {
        var secret: [UInt8]
        /// When its first code was shown, in seconds since 1970; nil: it was never, and nothing is demanded yet.
        var confirmed: Int64?
        /// The step whose code was taken last: none at or before it is taken again (RFC 6238 §5.2).
        var lastStep: Int64?
        /// Keyed hashes of the recovery codes that are left.
        var recovery: [[UInt8]] = []
    }
}

/// An account's second factor, as it is told.
package struct SecondFactorStatus: Hashable, Sendable {
    package let isOn: Bool
    /// Enrolled, and no code shown yet.
    package let isPending: Bool
    /// Recovery codes that are left.
    package let recoveryCodes: Int

    package init(isOn: Bool, isPending: Bool, recoveryCodes: Int) {
        self.isOn = isOn
        self.isPending = isPending
        self.recoveryCodes = recoveryCodes
    }

    package static let none = SecondFactorStatus(isOn: false, isPending: false, recoveryCodes: 0)
}
