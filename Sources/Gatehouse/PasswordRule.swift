package import MailModel

/// What a new password must be (S96). It is not asked of passwords that are already in use.
package enum PasswordRule {
    package static let shortest = 8
    package static let advised = 12

    package enum Fault: Error, Equatable, Sendable, CustomStringConvertible {
        case empty
        case tooShort
        case tooLong
        case guessable

        package var description: String {
            switch self {
            case .empty: "the password is empty"
            case .tooShort: "the password has fewer than \(PasswordRule.shortest) characters"
            case .tooLong: "the password has more than \(Password.longest) octets"
            case .guessable: "the password is one that everybody tries first, or a name or an address of this server"
            }
        }
    }

    /// What is allowed but not advised.
    package enum Advice: Equatable, Sendable, CustomStringConvertible {
        case short

        package var description: String { "a password of \(PasswordRule.advised) characters or more is recommended" }
    }

    /// - parameter serverNames: what the server is called; a password that is one of them is guessable, as is the account's own name.
    package static func check(_ password: Password, of name: AccountName, serverNames: [String] = []) throws(Fault) -> Advice? {
        let count = password.characterCount
        guard count > 0 else { throw .empty }
        guard count >= shortest else { throw .tooShort }
        guard !password.isTooLong else { throw .tooLong }
        guard !isGuessable(password.folded, name), !serverNames.contains(where: { Password.fold($0) == password.folded }) else { throw .guessable }
        return count < advised ? .short : nil
    }

    private static func isGuessable(_ folded: String, _ name: AccountName) -> Bool {
        if Set(folded).count < 4 { return true }
        if [name.user.folded, name.folded, name.domain.value].contains(where: { Password.fold($0) == folded }) { return true }
        let letters = folded.drop { !$0.isLetter }.prefix { $0.isLetter }
        let rest = folded.filter { !$0.isLetter }
        // A listed word with digits and marks around it is no better than the word.
        return listed.contains(folded) || (listed.contains(String(letters)) && letters.count + rest.count == folded.count && rest.count <= 4)
    }

    // The beginnings of every list of leaked passwords, and what installers leave behind.
    private static let listed: Set<String> = [
        "password", "passwort", "passw0rd", "p@ssw0rd", "p@ssword", "12345678", "123456789", "1234567890", "123123123", "987654321",
        "87654321", "qwertyui", "qwerty", "qwertyuiop", "qwerty123", "1q2w3e4r", "1qaz2wsx", "abcdefgh", "abcd1234", "iloveyou", "sunshine",
        "princess", "football", "baseball", "superman", "starwars", "trustno1", "welcome", "letmein", "changeme", "change-me", "default",
        "administrator", "adminadmin", "admin", "rootroot", "postmaster", "testtest", "secret", "mailserver", "martlet",
    ]
}
