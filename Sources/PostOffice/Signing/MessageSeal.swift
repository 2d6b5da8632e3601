import MailModel
import MessageFormat
import NIOCore
import SenderTrust

/// What was found of a message when it came to this server, as its own Authentication-Results say: whoever brought it could not write them, for such are taken out
/// on the way in.
struct MessageSeal: Hashable, Sendable {
    /// The field's value, with our authserv-id.
    let results: String
    let findings: AuthenticationResults

    /// What its ARC chain was worth then.
    var chain: ARCVerdict.Result {
        findings.findings.first { $0.method == "arc" }.flatMap { ARCVerdict.Result(rawValue: $0.result) } ?? .temperror
    }

    /// Whether the author's domain wrote it or let it be written: by DMARC; or, where it has no policy, by SPF or a signature of exactly that domain.
    func proves(_ author: Domain) -> Bool {
        guard let author = author.asciiForm else { return false }
        return findings.findings.contains { finding in
            guard finding.result == "pass" else { return false }
            return switch finding.method {
            case "dmarc": finding.domain("header", "from") == author
            case "spf": finding.domain("smtp", "mailfrom") == author
            case "dkim": finding.domain("header", "d") == author && finding.reason == nil
            default: false
            }
        }
    }

    /// Nil: nothing was judged.
    /// - parameter head: what this house wrote before the text (`MessageHead`), and nothing of the text: there anybody could have written our name.
    init?(_ head: ByteBuffer, _ server: Domain) {
        for field in HeaderFields(head) where field.isNamed("Authentication-Results") {
            guard let findings = AuthenticationResults(field.rawValue), Domain(findings.server)?.asciiForm == server else { continue }
            self.findings = findings
            results = field.value
            return
        }
        return nil
    }
}

extension AuthenticationResults.Finding {
    /// Of an address, its domain.
    func domain(_ type: String, _ name: String) -> Domain? {
        guard let text = value(type, name) else { return nil }
        return Domain(text.split(separator: "@").last ?? "")?.asciiForm
    }
}
