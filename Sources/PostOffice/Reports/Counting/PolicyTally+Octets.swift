import MailModel
import SenderTrust

extension PolicyTally {
    /// As it is kept: lines of fields between tabs, which no text has.
    package var octets: [UInt8] {
        var lines = [PolicyTally.line(published.fields)]
        if leftOut > 0 { lines.append(PolicyTally.line(["leftout", "\(leftOut)"])) }
        for (row, count) in rows { lines.append(PolicyTally.line(["row", "\(count)"] + row.fields)) }
        return Array(lines.joined(separator: "\n").utf8)
    }

    /// Nil for what `octets` has not made.
    package init?(_ octets: [UInt8]) {
        self.init()
        var isPublished = false
        for line in octets.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
            switch fields[0] {
            case "policy":
                guard let published = Published(fields) else { return nil }
                self.published = published
                isPublished = true
            case "leftout":
                guard fields.count == 2, let count = PolicyTally.count(fields[1]) else { return nil }
                leaveOut(count)
            case "row":
                guard fields.count > 2, let count = PolicyTally.count(fields[1]), let row = Row(fields.dropFirst(2)) else { return nil }
                add(row, count: count)
            default: return nil
            }
        }
        guard isPublished else { return nil }
    }

    private static func count(_ text: String) -> Int? { Int(text).flatMap { (1...1 << 40).contains($0) ? $0 : nil } }
    private static func line(_ fields: [String]) -> String { fields.joined(separator: "\t") }
}

extension PolicyTally.Published {
    fileprivate var fields: [String] {
        [
            "policy", policy.rawValue, subdomainPolicy?.rawValue ?? "", missingDomainPolicy?.rawValue ?? "", dkimAlignment.rawValue, spfAlignment.rawValue,
            isTesting ? "y" : "n", failureOptions, organizationalDomain?.value ?? "",
        ] + reportURIs
    }

    fileprivate init?(_ fields: [String]) {
        self.init()
        guard fields.count >= 9, let policy = DMARCRecord.Policy(rawValue: fields[1]), let dkim = DMARCRecord.Alignment(rawValue: fields[4]),
            let spf = DMARCRecord.Alignment(rawValue: fields[5])
        else { return nil }
        self.policy = policy
        subdomainPolicy = DMARCRecord.Policy(rawValue: fields[2])
        missingDomainPolicy = DMARCRecord.Policy(rawValue: fields[3])
        dkimAlignment = dkim
        spfAlignment = spf
        isTesting = fields[6] == "y"
        failureOptions = fields[7]
        organizationalDomain = Domain(fields[8])
        reportURIs = Array(fields[9...])
    }
}

extension PolicyTally.Row {
    /// A field for each override and each signature, with their counts before them.
    fileprivate var fields: [String] {
        [
            source, disposition.rawValue, isDKIMAligned ? "y" : "n", isSPFAligned ? "y" : "n", headerFrom, envelopeFrom, envelopeTo, spfDomain, spfResult,
            "\(overrides.count)",
        ] + overrides.flatMap { [$0.kind, $0.comment] } + signatures.flatMap { [$0.domain, $0.selector, $0.result] }
    }

    fileprivate init?(_ all: ArraySlice<String>) {
        let fields = Array(all)
        guard fields.count >= 10, let disposition = DMARCObservation.Disposition(rawValue: fields[1]), let count = Int(fields[9]),
            (0...100).contains(count), fields.count >= 10 + 2 * count, (fields.count - 10 - 2 * count) % 3 == 0
        else { return nil }
        source = fields[0]
        self.disposition = disposition
        isDKIMAligned = fields[2] == "y"
        isSPFAligned = fields[3] == "y"
        headerFrom = fields[4]
        envelopeFrom = fields[5]
        envelopeTo = fields[6]
        spfDomain = fields[7]
        spfResult = fields[8]
        overrides = (0..<count).map { Override(kind: fields[10 + 2 * $0], comment: fields[11 + 2 * $0]) }
        signatures = stride(from: 10 + 2 * count, to: fields.count, by: 3).map {
            Signature(domain: fields[$0], selector: fields[$0 + 1], result: fields[$0 + 2])
        }
    }
}
