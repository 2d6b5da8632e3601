package import MailModel

// Object identifiers (RFC 8474 §4.2, §5): a letter for the kind and the number, so that none of one kind looks like one
// of another.
extension BodyID {
    package var objectID: String { "M\(rawValue)" }
    package init?(objectID: String) {
        guard let number = number(objectID, "M") else { return nil }
        self.init(rawValue: number)
    }
}

extension ThreadID {
    package var objectID: String { "T\(rawValue)" }
    package init?(objectID: String) {
        guard let number = number(objectID, "T") else { return nil }
        self.init(rawValue: number)
    }
}

extension MailboxID {
    package var objectID: String { "F\(rawValue)" }
}

private func number(_ text: String, _ kind: Character) -> Int64? {
    guard text.first == kind, let number = Int64(text.dropFirst()), text == "\(kind)\(number)" else { return nil }
    return number
}
