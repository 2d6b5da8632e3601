import MailModel

/// A setting's value, of the type its kind says.
enum SettingValue: Hashable, Sendable {
    case text(String)
    case toggle(Bool)
    case number(Int)
    case list([String])
}

/// Why a text is no value of a kind, and what would be.
struct BadValue: Error, Equatable {
    let problem: String
    let remedy: String
}

extension Setting.Kind {
    /// The value that `text` means; a list's items stand between commas.
    func value(of text: String) throws(BadValue) -> SettingValue {
        let trimmed = text.trimmed
        if isList {
            return try value(of: trimmed.split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty })
        }
        guard !trimmed.isEmpty else { throw BadValue(problem: "has no value", remedy: remedy) }
        switch self {
        case .path:
            guard !trimmed.unicodeScalars.contains(where: { $0.value < 0x20 }) else { throw bad(trimmed) }
            return .text(trimmed)
        case .login:
            // As useradd(8) has them; no number has a sign, and none is the one that means nobody (-1).
            let isName =
                trimmed.first != "-"
                && trimmed.utf8.allSatisfy { octet in
                    switch octet {
                    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                    default: false
                    }
                }
            let isNumber = trimmed.utf8.allSatisfy { (0x30...0x39).contains($0) }
            guard isName, trimmed.utf8.count <= 32, !isNumber || (UInt32(trimmed) ?? .max) < .max else { throw bad(trimmed) }
            return .text(trimmed)
        case .domain:
            guard let domain = Domain(trimmed), !domain.isLiteral else { throw bad(trimmed) }
            return .text(domain.value)
        case .toggle:
            switch trimmed.lowercased() {
            case "true", "yes", "on", "1": return .toggle(true)
            case "false", "no", "off", "0": return .toggle(false)
            default: throw bad(trimmed)
            }
        case .number(let range), .octets(let range):
            guard let number = number(trimmed), range.contains(number) else { throw bad(trimmed) }
            return .number(number)
        case .choice(let choices):
            guard let choice = choices.first(where: { $0.lowercased() == trimmed.lowercased() }) else {
                throw bad(trimmed)
            }
            return .text(choice)
        case .addresses, .networks, .suites, .items:
            return .list([])
        }
    }

    /// The value of a list in the file.
    func value(of items: [String]) throws(BadValue) -> SettingValue {
        guard isList else { throw BadValue(problem: "is a list", remedy: remedy) }
        for item in items {
            let good =
                switch self {
                case .addresses: IPText.isAddress(item)
                case .networks: IPText.isNetwork(item)
                case .items: true
                default: item.utf8.allSatisfy { (0x21...0x7E).contains($0) } && !item.isEmpty
                }
            guard good else { throw bad(item) }
            if case .items(let form) = self, let problem = form.problem(of: item) {
                throw BadValue(problem: "\"\(item.prefix(80))\" is not \(form): \(problem)", remedy: form.remedy)
            }
        }
        return .list(items)
    }

    private func bad(_ text: String) -> BadValue {
        BadValue(problem: "\"\(text.prefix(80))\" is not \(description)", remedy: remedy)
    }

    private func number(_ text: String) -> Int? {
        var digits = text[...]
        var factor = 1
        if case .octets = self {
            if let last = digits.last, last == "B" || last == "b" { digits.removeLast() }
            switch digits.last {
            case "K", "k": factor = 1 << 10
            case "M", "m": factor = 1 << 20
            case "G", "g": factor = 1 << 30
            default: break
            }
            if factor > 1 { digits.removeLast() }
            while digits.last == " " { digits.removeLast() }
        }
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits) else {
            return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }
}

extension Setting.Kind: CustomStringConvertible {
    /// With its article, as a sentence takes it.
    var description: String {
        switch self {
        case .path: "a path"
        case .domain: "a domain name"
        case .login: "a name or a number"
        case .toggle: "true or false"
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .octets(let range): "a size from \(Self.size(range.lowerBound)) to \(Self.size(range.upperBound))"
        case .choice(let choices): "one of " + choices.joined(separator: ", ")
        case .addresses: "an IP address"
        case .networks: "an IP address or a network"
        case .suites: "the name of a cipher suite"
        case .items(let form): form.description
        }
    }

    var remedy: String {
        switch self {
        case .path: "give a path"
        case .domain: "give a name such as mail.example.org"
        case .login: "give a name such as martlet, or its number"
        case .addresses: "give a list such as [127.0.0.1, \"::1\"]"
        case .networks: "give a list such as [127.0.0.0/8, \"::1\"]"
        case .suites: "give a list such as [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]"
        case .items(let form): form.remedy
        case .octets: "give \(description), such as 50M"
        default: "give \(description)"
        }
    }

    /// 52428800 as `50M`.
    static func size(_ octets: Int) -> String {
        for (factor, unit) in [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")]
        where octets >= factor && octets % factor == 0 {
            return "\(octets / factor)\(unit)"
        }
        return String(octets)
    }
}

extension String {
    /// Without spaces and line ends at both ends.
    var trimmed: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0.isNewline }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return ""
        }
        return String(self[first...last])
    }
}
