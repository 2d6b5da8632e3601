import ArgumentParser
import MailModel
import SenderTrust

extension CheckCommand {
    struct ARCCheck: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "arc", abstract: "Validate a message's chain of servers that vouch for what they found (ARC, RFC 8617).",
            discussion: "The message is read from standard input.")

        @OptionGroup var options: CheckOptions

        func run() async throws {
            try await options.reportSignatures { message, resolver, now in
                let verdict = await message.arc(resolver: resolver, now: now)
                return [CheckReport.Finding(verdict)] + verdict.links.map { CheckReport.Finding($0) }
            }
        }
    }
}

extension CheckReport.Finding {
    init(_ verdict: ARCVerdict) {
        self.init(
            "arc", verdict.result.rawValue,
            [
                "sets": "\(verdict.links.count)", "header.oldest-pass": verdict.oldestPass.map(String.init),
                "weak": verdict.isWeak ? "a set does not cover From, so that it speaks for no author" : nil,
            ],
            reason: verdict.reason ?? (verdict.result == .none ? "the message has no chain" : nil))
    }

    /// What one server said; whether it is true depends on the whole chain.
    init(_ link: ARCVerdict.Link) {
        self.init(
            "set", "\(link.instance)", ["header.d": link.domain.value, "header.s": link.selector, "results": link.results])
    }
}
