package import MailModel

/// Writes Authentication-Results (RFC 8601 §2.2) of what our judges have found.
///
/// Nothing that came from outside can end a value, a line or a field: domains are written where they are plain names, other values as quoted-strings of
/// printable ASCII, or not at all.
package struct AuthenticationResultsField: Hashable, Sendable {
    /// Findings that are written; what comes after them is left out.
    package static let mostFindings = 40

    private let authserv: Domain
    /// Each as the words that a line may end between.
    private var findings: [[String]] = []

    package init(authserv: Domain) { self.authserv = authserv }

    /// Of one identity (§2.7.2).
    package mutating func add(_ verdict: SPFVerdict) {
        let property = verdict.identity == .mailFrom ? "smtp.mailfrom" : "smtp.helo"
        let value = verdict.identity == .mailFrom ? ResultsText.address(verdict.sender) ?? ResultsText.name(verdict.domain) : ResultsText.name(verdict.domain)
        add("spf", verdict.result.rawValue, verdict.reason, [(property, value)])
    }

    /// Of one signature, or of there being none (§2.7.1, RFC 6008).
    package mutating func add(_ verdict: DKIMVerdict) {
        add(
            "dkim", verdict.result.rawValue, verdict.reason,
            [
                ("header.d", ResultsText.name(verdict.domain)), ("header.s", verdict.selector.flatMap(ResultsText.plain)),
                ("header.i", verdict.identity.flatMap(ResultsText.address)), ("header.a", verdict.algorithm.flatMap(ResultsText.plain)),
                ("header.b", verdict.signature.flatMap(ResultsText.value)),
            ])
    }

    /// - parameter disposition: what became of the message, by that policy or despite of it.
    package mutating func add(_ verdict: DMARCVerdict, disposition: DMARCObservation.Disposition? = nil) {
        var words: [String] = []
        if let record = verdict.record {
            words.append("p=\(record.policy.rawValue)")
            if let policy = record.subdomainPolicy { words.append("sp=\(policy.rawValue)") }
            if let policy = record.missingDomainPolicy { words.append("np=\(policy.rawValue)") }
        }
        if let disposition { words.append("dis=\(disposition == .pass ? "none" : disposition.rawValue)") }
        add(
            "dmarc", verdict.result.rawValue, comment: words.isEmpty ? nil : "(\(words.joined(separator: " ")))", verdict.reason,
            [("header.from", ResultsText.name(verdict.author)), ("policy.dmarc", verdict.record == nil ? nil : verdict.policy.rawValue)])
    }

    /// RFC 8617 §10.2.
    /// - parameter source: the server that brought the message.
    package mutating func add(_ verdict: ARCVerdict, source: IPAddress? = nil) {
        guard verdict.result != .none else { return add("arc", "none", verdict.reason, []) }
        add(
            "arc", verdict.result.rawValue, verdict.reason,
            [("header.oldest-pass", verdict.oldestPass.map(String.init)), ("smtp.remote-ip", source.map { ResultsText.value($0.description) } ?? nil)])
    }

    /// Whether the address and its name fit (§3).
    /// - parameter result: a word of §2.7.3.
    package mutating func addReverseName(_ result: String, of address: IPAddress, name: Domain?) {
        add(
            "iprev", ResultsText.plain(result) ?? "permerror", nil,
            [("policy.iprev", ResultsText.value(address.description)), ("policy.ptr", ResultsText.name(name))])
    }

    package mutating func add(_ verdict: ReverseNameVerdict) { addReverseName(verdict.result.rawValue, of: verdict.address, name: verdict.name) }

    package mutating func add(_ verdict: BIMIVerdict) {
        add(
            "bimi", verdict.result.rawValue, verdict.reason,
            [
                ("header.d", ResultsText.name(verdict.domain)), ("header.selector", verdict.domain == nil ? nil : ResultsText.plain(verdict.selector)),
                ("policy.authority", verdict.authority == nil ? nil : "none"), ("policy.authority-uri", verdict.authority.flatMap(ResultsText.value)),
                ("policy.indicator-uri", verdict.indicator.flatMap(ResultsText.value)),
            ])
    }

    /// Behind the name and the colon: folded with CRLF and a blank, each line shorter than 78 octets where its words are.
    package var value: String {
        var writer = FoldedWriter(used: "Authentication-Results: ".utf8.count)
        let server = ResultsText.name(authserv) ?? "localhost"
        writer.add(findings.isEmpty ? "\(server); none" : "\(server);")
        for (place, words) in findings.enumerated() {
            writer.breakLine()
            for (index, word) in words.enumerated() {
                writer.add(index == words.count - 1 && place < findings.count - 1 ? word + ";" : word)
            }
        }
        return writer.text
    }

    private mutating func add(_ method: String, _ result: String, comment: String? = nil, _ reason: String?, _ properties: [(String, String?)]) {
        guard findings.count < AuthenticationResultsField.mostFindings else { return }
        var words = ["\(method)=\(result)"]
        if let comment { words.append(comment) }
        if let reason = reason.flatMap(ResultsText.reason) { words.append("reason=\(reason)") }
        words += properties.compactMap { name, value in value.map { "\(name)=\($0)" } }
        findings.append(words)
    }
}

/// What may stand for values from outside.
enum ResultsText {
    /// Octets of any value; what is longer is left out, or cut where it is prose.
    private static let longest = 512
    private static let longestReason = 160

    /// A domain that is a plain name in ASCII.
    static func name(_ domain: Domain?) -> String? {
        guard let name = domain?.asciiForm, !name.isLiteral else { return domain.flatMap { $0.isLiteral ? value($0.value) : nil } }
        return plain(name.value)
    }

    /// Letters, digits, hyphens, dots and underscores.
    static func plain(_ text: String) -> String? {
        let isPlain = text.utf8.allSatisfy { ResultsLexer.isKeyword($0) || $0 == UInt8(ascii: ".") }
        return isPlain && (1...longest).contains(text.utf8.count) ? text : nil
    }

    /// `local@domain` or `@domain` whose marks mean nothing to any reader; the domain alone where the local part has others.
    static func address(_ text: String) -> String? {
        guard let at = text.lastIndex(of: "@") else { return plain(text) }
        guard let domain = Domain(text[text.index(after: at)...])?.asciiForm, let name = domain.isLiteral ? nil : plain(domain.value) else { return nil }
        let local = text[..<at]
        let isSafe = local.utf8.allSatisfy { ResultsLexer.isKeyword($0) || ".+=".utf8.contains($0) }
        return isSafe && local.utf8.count <= 64 ? "\(local)@\(name)" : name
    }

    /// A token, or a quoted-string; nil where it is too long, or has marks that mean something to a reader that looks into it (RFC 2045 §5.1, RFC 5322 §3.2.4).
    static func value(_ text: String) -> String? {
        if let plain = plain(text) { return plain }
        let isSafe = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"\"\\();='".utf8.contains($0) }
        return isSafe && (1...longest).contains(text.utf8.count) ? "\"\(text)\"" : nil
    }

    /// Prose as a quoted-string, without marks that mean something to a reader that looks into it.
    static func reason(_ text: String) -> String? {
        var octets: [UInt8] = []
        for octet in text.utf8 {
            guard octets.count < longestReason else { break }
            let isKept = (0x20...0x7E).contains(octet) && !"\"\\();='".utf8.contains(octet)
            let written = isKept ? octet : UInt8(ascii: octet < 0x80 ? " " : "?")
            if written != 0x20 || octets.last != 0x20 { octets.append(written) }
        }
        while octets.last == 0x20 { octets.removeLast() }
        return octets.isEmpty ? nil : "\"\(String(decoding: octets, as: UTF8.self))\""
    }
}

/// Lines of words.
private struct FoldedWriter {
    private static let longestLine = 77
    private(set) var text = ""
    private var used: Int
    private var isAtStart = true

    init(used: Int) { self.used = used }

    mutating func add(_ word: String) {
        let room = word.utf8.count + (isAtStart ? 0 : 1)
        if used + room > FoldedWriter.longestLine, !isAtStart { breakLine() }
        if !isAtStart {
            text += " "
            used += 1
        }
        text += word
        used += word.utf8.count
        isAtStart = false
    }

    mutating func breakLine() {
        text += "\r\n "
        used = 1
        isAtStart = true
    }
}
