import ArgumentParser

/// Where a new password comes from.
struct PasswordOptions: ParsableArguments {
    @Flag(help: "Read the password from the first line of standard input.") var passwordStdin = false

    func choose() throws -> ChosenPassword {
        guard passwordStdin else { return ChosenPassword(text: RandomPassword.make(), isRandom: true) }
        guard let line = try Terminal.readLine() else {
            throw CommandFault(code: Sysexit.dataError, text: "there is no password on standard input")
        }
        guard let text = String(validating: line, as: UTF8.self) else {
            throw CommandFault(code: Sysexit.dataError, text: "the password is not UTF-8")
        }
        return ChosenPassword(text: text, isRandom: false)
    }
}

/// A new password on its way to an account; it is shown only where nobody else knows it yet.
struct ChosenPassword {
    let text: String
    let isRandom: Bool

    private struct Shown: Encodable {
        let account: String
        /// Only when it was made here.
        let password: String?
        let advice: String?
    }

    func show(of account: String, _ verb: String, _ answer: OrderResult, json: Bool) throws {
        var advice: String?
        if case .advice(let text) = answer { advice = text }
        if json {
            return try Terminal.show(json: Shown(account: account, password: isRandom ? text : nil, advice: advice))
        }
        Terminal.show("\(verb) \(account).")
        if isRandom { Terminal.show("Its password, shown this once: \(text)") }
        if let advice { Terminal.complain("martlet: \(advice)") }
    }
}

/// Passwords that nobody guesses and everybody can type.
enum RandomPassword {
    // No 0, O, 1, l or I: they are mistaken for one another.
    private static let letters = Array("abcdefghijkmnpqrstuvwxyz23456789")

    /// Four groups of five of 32 letters: 100 bits.
    static func make() -> String {
        var source = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            String((0..<5).map { _ in letters[Int.random(in: 0..<letters.count, using: &source)] })
        }.joined(separator: "-")
    }
}
