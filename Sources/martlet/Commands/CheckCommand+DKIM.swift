import ArgumentParser
import Conversation
import MailModel
import SenderTrust

extension CheckCommand {
    struct DKIMCheck: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dkim", abstract: "Verify the DKIM signatures of a message (RFC 6376).",
            discussion: "The message is read from standard input. One finding for each signature, from the top.")

        @OptionGroup var options: CheckOptions

        func run() async throws {
            let observer = try CheckedMessage.read()
            try await options.report { _, resolver in
                let verdicts = await observer.dkim(resolver: resolver, now: SystemClock.now())
                let findings = verdicts.map { CheckReport.Finding($0) }
                return CheckReport(
                    findings: findings.isEmpty ? [CheckReport.Finding("dkim", "none", [:], reason: "the message has no signature")] : findings,
                    steps: resolver.steps)
            }
        }
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
