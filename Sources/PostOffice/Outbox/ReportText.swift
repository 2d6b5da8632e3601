import MailModel

/// Lines of a report.
enum ReportText {
    /// RFC 5322 §2.1.1.
    private static let width = 78
    /// Octets of a word that is never cut, so that no line comes near 998.
    private static let longestWord = 900

    /// A header field, folded at its blanks, with its line end. Runs of blanks become one. What cannot be in a field is not in `value`.
    static func field(_ name: String, _ value: String) -> String {
        var text = "\(name):"
        var column = text.utf8.count
        for word in words(value) {
            if column > name.utf8.count + 1, column + 1 + word.utf8.count > width {
                text += "\r\n"
                column = 0
            }
            text += " " + word
            column += 1 + word.utf8.count
        }
        return text + "\r\n"
    }

    /// A paragraph, each line behind `indent` blanks and with its line end.
    static func paragraph(_ value: String, indent: Int = 0) -> String {
        let margin = String(repeating: " ", count: indent)
        var text = ""
        var line = margin
        for word in words(value, longest: width - indent) {
            if line.utf8.count > indent, line.utf8.count + 1 + word.utf8.count > width {
                text += line + "\r\n"
                line = margin
            }
            line += (line.utf8.count > indent ? " " : "") + word
        }
        return text + line + "\r\n"
    }

    /// Somebody else's words in one line: no control characters, and `most` octets at most.
    static func quoted(_ text: String, most: Int) -> String {
        let clean = text.split(separator: "\r\n", omittingEmptySubsequences: true).map { RemoteReply.cleaned(String($0)) }.joined(separator: " ")
        guard clean.utf8.count > most else { return clean }
        var kept = ""
        for scalar in clean.unicodeScalars {
            guard kept.utf8.count + UTF8.width(scalar) <= most else { break }
            kept.unicodeScalars.append(scalar)
        }
        return kept + "..."
    }

    private static func words(_ text: String, longest: Int = longestWord) -> [String] {
        text.split(separator: " ").flatMap { word in word.utf8.count <= longest ? [String(word)] : pieces(word, longest) }
    }

    private static func pieces(_ word: Substring, _ longest: Int) -> [String] {
        var pieces: [String] = []
        var piece = String.UnicodeScalarView()
        var count = 0
        for scalar in word.unicodeScalars {
            if count + UTF8.width(scalar) > longest {
                pieces.append(String(piece))
                piece = String.UnicodeScalarView()
                count = 0
            }
            piece.append(scalar)
            count += UTF8.width(scalar)
        }
        return pieces + [String(piece)]
    }
}
