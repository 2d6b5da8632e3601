/// Who is speaking, once the Gatehouse has made sure.
package struct Principal: Hashable, Sendable {
    package let account: AccountID
    package let name: AccountName
    /// By what.
    package let credential: Credential

    /// What somebody has shown.
    package enum Credential: Hashable, Sendable {
        case password
        /// By its id.
        case appPassword(String)
        /// A client's certificate (SASL EXTERNAL).
        case certificate
    }

    /// What the credential is good for; what the account may do beyond it is done with another.
    package var scope: Permissions {
        switch credential {
        case .password, .certificate: .everything
        case .appPassword: .mailProgram
        }
    }

    package init(account: AccountID, name: AccountName, credential: Credential = .password) {
        self.account = account
        self.name = name
        self.credential = credential
    }
}
