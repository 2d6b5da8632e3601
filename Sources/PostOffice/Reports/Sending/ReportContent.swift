import MailModel
import SenderTrust

extension AggregateReport {
    /// What was counted, as it is told.
    init(_ tally: PolicyTally, on day: ReportDay, begin: Int64, end: Int64, id: String, _ setting: ReportSender.Setting) {
        self.init()
        organization = setting.sender.domain.value
        email = setting.sender.written
        self.id = id
        self.begin = begin
        self.end = end
        generator = setting.generator
        if tally.leftOut > 0 { errors.append("\(tally.leftOut) more messages are not in this report: they were too many different ones") }
        policy = Policy(tally.published, day.domain)
        records = tally.rows.map { Record($0, count: $1) }.sorted { a, b in
            (b.count, a.source, a.headerFrom, a.envelopeFrom ?? "", a.disposition) < (a.count, b.source, b.headerFrom, b.envelopeFrom ?? "", b.disposition)
        }
    }
}

extension AggregateReport.Policy {
    fileprivate init(_ published: PolicyTally.Published, _ domain: Domain) {
        self.init()
        self.domain = domain.value
        discoveryMethod = "treewalk"
        policy = published.policy.rawValue
        subdomainPolicy = published.subdomainPolicy?.rawValue ?? ""
        missingDomainPolicy = published.missingDomainPolicy?.rawValue ?? ""
        failureOptions = published.failureOptions
        dkimAlignment = published.dkimAlignment.rawValue
        spfAlignment = published.spfAlignment.rawValue
        testing = published.isTesting ? "y" : "n"
    }
}

extension AggregateReport.Record {
    fileprivate init(_ row: PolicyTally.Row, count: Int) {
        self.init()
        source = row.source
        self.count = count
        disposition = row.disposition.rawValue
        dkim = row.isDKIMAligned ? "pass" : "fail"
        spf = row.isSPFAligned ? "pass" : "fail"
        overrides = row.overrides.map {
            var override = AggregateReport.Override()
            override.kind = $0.kind
            override.comment = $0.comment
            return override
        }
        headerFrom = row.headerFrom
        envelopeFrom = row.envelopeFrom
        envelopeTo = row.envelopeTo.isEmpty ? nil : row.envelopeTo
        signatures = row.signatures.map {
            var signature = AggregateReport.Signature()
            (signature.domain, signature.selector, signature.result) = ($0.domain, $0.selector, $0.result)
            return signature
        }
        guard !row.spfDomain.isEmpty else { return }
        var check = AggregateReport.SPFCheck()
        // RFC 9990 §3.1: the one scope that there is.
        (check.domain, check.scope, check.result) = (row.spfDomain, "mfrom", row.spfResult)
        spfChecks = [check]
    }
}

extension TLSReport {
    /// What was counted, as it is told.
    init(_ tally: TLSTally, on day: ReportDay, id: String, _ setting: ReportSender.Setting) {
        self.init()
        organization = setting.sender.domain.value
        contact = setting.sender.written
        self.id = id
        begin = "\(day.date)T00:00:00Z"
        end = "\(day.date)T23:59:59Z"
        policies = tally.policies.map { Policy($0, $1, day.domain) }.sorted { ($0.type, $0.strings.description) < ($1.type, $1.strings.description) }
    }
}

extension TLSReport.Policy {
    fileprivate init(_ policy: TLSTally.Policy, _ counts: TLSTally.Counts, _ domain: Domain) {
        self.init()
        type = policy.type.rawValue
        self.domain = domain.value
        strings = policy.strings
        // RFC 8460 §4.4: of MTA-STS alone.
        hosts = policy.type == .sts ? policy.strings.filter { $0.hasPrefix("mx: ") }.map { String($0.dropFirst(4)) } : []
        successes = counts.successes
        failures = counts.failureCount
        details = counts.failures.map { TLSReport.Failure($0, count: $1) }.sorted {
            ($0.kind, $0.host, $0.address, $0.reason) < ($1.kind, $1.host, $1.address, $1.reason)
        }
    }
}

extension TLSReport.Failure {
    fileprivate init(_ failure: TLSTally.Failure, count: Int) {
        self.init()
        kind = failure.kind.rawValue
        source = failure.source
        host = failure.host
        address = failure.address
        self.count = count
        reason = failure.reason
    }
}
