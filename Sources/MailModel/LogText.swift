/// Text of a peer's as a log line may hold it: in quotes, so that it can be taken for nothing that the server says itself.
package enum LogText {
    /// Letters, digits, blanks, `@`, `.`, `_`, `+` and `-` stay; everything else is written `\u{A}`, as is the first letter of a word that logs are
    /// searched for. What is longer than `longest` scalars ends in `"...`.
    package static func quoted(_ text: some StringProtocol, longest: Int = 128) -> String { quoted(text, longest: longest, isHarmless) }

    private static func quoted(_ text: some StringProtocol, longest: Int, _ isShown: (Unicode.Scalar) -> Bool) -> String {
        var quoted = "\""
        // One word more than is shown, so that no word is missed at the end.
        let scalars = Array(text.unicodeScalars.prefix(longest + longestWord))
        for (index, scalar) in scalars.prefix(longest).enumerated() {
            if isShown(scalar), !beginsWord(scalars[index...]) {
                quoted.unicodeScalars.append(scalar)
            } else {
                quoted += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        return quoted + (scalars.count > longest ? "\"..." : "\"")
    }

    /// The same for sentences, a library's or another server's: marks of punctuation stay, but those that set off a field or a quotation (`=`, `"`, `\`).
    package static func quoted(prose text: some StringProtocol, longest: Int = 400) -> String {
        quoted(text, longest: longest) { isHarmless($0) || isPunctuation($0) }
    }

    /// Whether the text has one of the words that logs are searched for, in any case.
    package static func hasSoughtWord(_ text: some StringProtocol) -> Bool {
        let scalars = Array(text.unicodeScalars)
        return scalars.indices.contains { beginsWord(scalars[$0...]) }
    }

    /// `Failed.*login`, `Successful.*login`, `failed|attack|injection` (S105).
    private static let soughtWords = ["failed", "successful", "attack", "injection"].map { Array($0.unicodeScalars) }
    private static let longestWord = 10

    private static func beginsWord(_ scalars: ArraySlice<Unicode.Scalar>) -> Bool {
        soughtWords.contains { word in
            scalars.count >= word.count && zip(scalars, word).allSatisfy { $0 == $1 || ($0.isASCII && $0.value | 0x20 == $1.value) }
        }
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        (0x21...0x7E).contains(scalar.value) && !"=\"\\".unicodeScalars.contains(scalar)
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", " ", "@", ".", "_", "+", "-": return true
        case _ where scalar.isASCII: return false
        default: break
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber: return true
        default: return false
        }
    }
}
