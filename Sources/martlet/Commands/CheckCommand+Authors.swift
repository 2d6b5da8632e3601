import ArgumentParser
import MailModel
import SenderTrust

extension CheckCommand {
    struct Authors: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dmarc", abstract: "Judge a message's authors (DMARC, RFC 9989).",
            discussion: """
                The message comes on standard input, as it was received; lines that end with LF alone are taken for such as end with CRLF. SPF is judged where \
                --ip is given, DKIM and ARC always. Nothing is done with the message.
                """)

        @Option(help: ArgumentHelp("Where the message came from.", valueName: "address")) var ip: String?
        @Option(help: ArgumentHelp("What the client said in HELO or EHLO.", valueName: "name")) var helo: String?
        @Option(help: ArgumentHelp("What it said in MAIL FROM; empty: the null reverse-path.", valueName: "address")) var from: String?
        @Option(help: ArgumentHelp("Whose ARC seals are believed; may be given several times.", valueName: "domain")) var trust: [String] = []
        @OptionGroup var options: CheckOptions

        func run() async throws {
            guard ip != nil || (from == nil && helo == nil) else {
                throw CommandFault(code: Sysexit.usage, text: "--from and --helo are judged by SPF, which needs --ip too")
            }
            let address = try ip.map { text in
                guard let address = IPAddress(text) else { throw CommandFault(code: Sysexit.usage, text: "--ip wants an IP address") }
                return address
            }
            let trusted = try trust.map { try CheckOptions.domain($0) }
            let message = try CheckedMessage.read()
            try await options.report { configuration, resolver in
                let judges = AuthorJudges(resolver: resolver, receiver: configuration.hostname, now: SystemClock.now())
                let client = address.map { SPFQuestion(address: $0, helo: helo, mailbox: from ?? "", receiver: judges.receiver.asciiForm, now: judges.now) }
                return CheckReport(findings: await judges.findings(message, client, trusted), steps: resolver.steps)
            }
        }
    }
}

/// All judges over one message.
private struct AuthorJudges {
    let resolver: WatchedResolver
    let receiver: Domain
    let now: Timestamp

    /// - parameter client: nil: SPF is not judged.
    func findings(_ message: SignatureObserver, _ client: SPFQuestion?, _ trusted: [Domain]) async -> [CheckReport.Finding] {
        let authors = message.authors
        let spf = if let client { await SPFEvaluation(resolver: resolver).mailFrom(client) } else { SPFVerdict?.none }
        let dkim = await message.dkim(resolver: resolver, now: now)
        let arc = await message.arc(resolver: resolver, now: now)
        let judgement = await DMARCEvaluation(resolver: resolver).judge(authors, spf: spf, dkim: dkim)

        var findings = [CheckReport.Finding(authors)]
        var field = AuthenticationResultsField(authserv: receiver)
        if let client {
            let verdict = await ReverseNameEvaluation(resolver: resolver).verdict(of: client.address)
            findings.append(CheckReport.Finding("iprev", verdict.result.rawValue, ["policy.iprev": verdict.address.description, "name": verdict.name?.value]))
            field.add(verdict)
        }
        if let spf {
            findings.append(CheckReport.Finding(spf))
            field.add(spf)
        }
        findings += CheckReport.findings(dkim)
        for verdict in dkim.isEmpty ? [DKIMVerdict(.none)] : dkim { field.add(verdict) }
        findings.append(CheckReport.Finding(arc))
        field.add(arc, source: client?.address)
        for verdict in judgement.verdicts {
            findings.append(CheckReport.Finding(verdict, TrustedExplanation(arc, failure: verdict, trusted: trusted)))
            field.add(verdict)
        }
        if let bimi = await BIMIEvaluation(resolver: resolver).evaluate(judgement) {
            findings.append(CheckReport.Finding(bimi))
            field.add(bimi)
        }
        findings.append(CheckReport.Finding("field", "Authentication-Results", ["value": field.value.replacing("\r\n", with: "")]))
        return findings
    }
}

extension CheckReport.Finding {
    fileprivate init(_ authors: MessageAuthors) {
        let (result, reason): (String, String?) =
            switch authors {
            case .none: ("none", "no author is named")
            case .one, .several: ("clear", nil)
            case .unclear(let reason): ("unclear", reason)
            }
        self.init("from", result, ["domains": authors.domains.isEmpty ? nil : authors.domains.map(\.value).joined(separator: " ")], reason: reason)
    }

    init(_ verdict: DMARCVerdict, _ explanation: TrustedExplanation?) {
        let record = verdict.record
        self.init(
            "dmarc", verdict.result.rawValue,
            [
                "header.from": verdict.author.value, "policy.dmarc": record == nil ? nil : verdict.policy.rawValue, "record at": verdict.recordDomain?.value,
                "organization": verdict.organizationalDomain.value, "p": record?.policy.rawValue, "sp": record?.subdomainPolicy?.rawValue,
                "np": record?.missingDomainPolicy?.rawValue, "adkim": record?.dkimAlignment.rawValue, "aspf": record?.spfAlignment.rawValue,
                "psd": record?.suffixMark.rawValue, "t": record.map { $0.isTesting ? "y" : "n" }, "fo": record?.failureOptions,
                "rua": record.flatMap { $0.aggregateReports.isEmpty ? nil : $0.aggregateReports.joined(separator: ",") },
                "ruf": record.flatMap { $0.failureReports.isEmpty ? nil : $0.failureReports.joined(separator: ",") },
                "spf aligned": verdict.isSPFAligned ? "yes" : "no", "dkim aligned": verdict.isDKIMAligned ? "yes" : "no",
                "explained by": verdict.result == .fail ? explanation?.override.comment : nil,
            ], reason: verdict.reason)
    }

    init(_ verdict: BIMIVerdict) {
        self.init(
            "bimi", verdict.result.rawValue,
            ["header.d": verdict.domain?.value, "indicator": verdict.indicator, "authority": verdict.authority], reason: verdict.reason)
    }
}
