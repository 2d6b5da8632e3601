import ArgumentParser
import MailModel
import SenderTrust

extension CheckCommand {
    struct DKIMCheck: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dkim", abstract: "Verify the DKIM signatures of a message (RFC 6376).",
            discussion: "The message is read from standard input. One finding for each signature, from the top.")

        @OptionGroup var options: CheckOptions

        func run() async throws {
            try await options.reportSignatures { message, resolver, now in CheckReport.findings(await message.dkim(resolver: resolver, now: now)) }
        }
    }
}

extension CheckReport {
    /// One for each signature, or that there is none.
    static func findings(_ verdicts: [DKIMVerdict]) -> [Finding] {
        verdicts.isEmpty ? [Finding("dkim", "none", [:], reason: "the message has no signature")] : verdicts.map { Finding($0) }
    }
}

extension CheckReport.Finding {
    // RFC 8601 §2.7.1
    init(_ verdict: DKIMVerdict) {
        self.init(
            "dkim", verdict.result.rawValue,
            [
                "header.d": verdict.domain?.value, "header.s": verdict.selector, "header.i": verdict.identity, "header.a": verdict.algorithm,
                "header.b": verdict.signature, "key bits": verdict.keyBits.map(String.init), "unsigned end": verdict.isPartial ? "yes" : nil,
                "key in test": verdict.isTesting ? "yes" : nil,
            ], reason: verdict.reason)
    }
}
