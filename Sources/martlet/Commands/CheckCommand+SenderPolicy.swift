import ArgumentParser
import Conversation
import MailModel
import PostOffice
import SenderTrust
import Synchronization

extension CheckCommand {
    struct SenderPolicy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "spf", abstract: "Ask whether an address may send for a domain (SPF, RFC 7208).",
            discussion: "Of --from, --helo or both is judged what is given; of an empty --from what a bounce would be judged by.")

        @Option(help: ArgumentHelp("Where the mail comes from.", valueName: "address")) var ip: String
        @Option(help: ArgumentHelp("What the client says in HELO or EHLO.", valueName: "name")) var helo: String?
        @Option(help: ArgumentHelp("What it says in MAIL FROM: an address or a domain.", valueName: "address")) var from: String?
        @OptionGroup var options: CheckOptions

        func run() async throws {
            guard let address = IPAddress(ip) else { throw CommandFault(code: Sysexit.usage, text: "--ip wants an IP address") }
            guard helo != nil || from != nil else { throw CommandFault(code: Sysexit.usage, text: "give --from, --helo or both") }
            try await options.report { configuration, resolver in
                let steps = Mutex<[CheckReport.Step]>([])
                let evaluation = SPFEvaluation(
                    resolver: resolver,
                    observe: { step in
                        steps.withLock { steps in
                            // What was just found need not be said again.
                            if case .policy(let text) = step.event, steps.last?.text.hasSuffix(": \(text)") == true { return }
                            steps.append(CheckReport.Step(depth: step.depth, text: step.event.words))
                        }
                    })
                let question = SPFQuestion(
                    address: address, helo: helo, mailbox: from ?? "", receiver: configuration.hostname.asciiForm, now: SystemClock.now())
                var verdicts: [SPFVerdict] = []
                if from != nil { verdicts.append(await evaluation.mailFrom(question)) }
                if helo != nil { verdicts.append(await evaluation.helo(question)) }
                return CheckReport(findings: verdicts.map { CheckReport.Finding($0) }, steps: steps.withLock { $0 })
            }
        }
    }
}

extension CheckReport.Finding {
    // RFC 8601 §2.7.2
    init(_ verdict: SPFVerdict) {
        let isMailFrom = verdict.identity == .mailFrom
        self.init(
            "spf", verdict.result.rawValue,
            [
                isMailFrom ? "smtp.mailfrom" : "smtp.helo": isMailFrom ? verdict.sender : String(verdict.sender.drop { $0 != "@" }.dropFirst()),
                "domain": verdict.domain?.value, "decided by": verdict.mechanism, "explanation": verdict.explanation,
            ], reason: verdict.reason)
    }
}

extension SPFStep.Event {
    fileprivate var words: String {
        switch self {
        case .policy(let text): "record: \(text)"
        case .term(let term, let isMatch): "\(term) \(isMatch ? "matches" : "does not match")"
        case .redirect(let name): "goes on at \(name)"
        case .found(let type, let name, let records, let denial): "\(type) of \(name): \(WatchedResolver.words(records, denial))"
        case .unknown(let type, let name, let fault): "\(type) of \(name): \(fault.words)"
        }
    }
}
