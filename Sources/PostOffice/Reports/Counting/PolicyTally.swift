package import MailModel
package import SenderTrust

/// What came in the names of one policy domain on one day in UTC, and what became of it: what a report says (RFC 9990 §3.1). Bounded, whatever comes.
package struct PolicyTally: Hashable, Sendable {
    /// The policy that was found last on that day, and whom it asks for.
    package struct Published: Hashable, Sendable {
        package var policy = DMARCRecord.Policy.none
        package var subdomainPolicy: DMARCRecord.Policy?
        package var missingDomainPolicy: DMARCRecord.Policy?
        package var dkimAlignment = DMARCRecord.Alignment.relaxed
        package var spfAlignment = DMARCRecord.Alignment.relaxed
        package var isTesting = false
        package var failureOptions = "0"
        /// `rua=`, in its order.
        package var reportURIs: [String] = []
        /// Of the author that was seen last.
        package var organizationalDomain: Domain?

        package init() {}
    }

    /// All that is alike is one row. Strangers' texts are cut and have no control characters.
    package struct Row: Hashable, Sendable {
        package struct Signature: Hashable, Sendable {
            package let domain: String
            package let selector: String
            package let result: String
        }

        package struct Override: Hashable, Sendable {
            package let kind: String
            package let comment: String
        }

        package let source: String
        package let disposition: DMARCObservation.Disposition
        package let isDKIMAligned: Bool
        package let isSPFAligned: Bool
        package let overrides: [Override]
        package let headerFrom: String
        /// Empty: the null reverse-path.
        package let envelopeFrom: String
        /// Empty: not known.
        package let envelopeTo: String
        package let signatures: [Signature]
        /// Domain and result of MAIL FROM; empty: it was not asked for.
        package let spfDomain: String
        package let spfResult: String
    }

    static let mostRows = 500
    /// Of all rows.
    static let mostOctets = 200 * 1024
    static let mostURIs = 10

    package var published = Published()
    /// Messages by row.
    package private(set) var rows: [Row: Int] = [:]
    /// Messages for whose rows there was no room.
    package private(set) var leftOut = 0
    /// Octets that the rows take, about.
    private(set) var rowOctets = 0

    package init() {}

    package var messages: Int { rows.values.reduce(0, +) }
    package var size: Int { rowOctets + 300 + published.reportURIs.reduce(0) { $0 + $1.utf8.count } }

    package mutating func add(_ row: Row, count: Int = 1) {
        if let known = rows[row] {
            rows[row] = min(known + count, 1 << 40)
        } else if rows.count < PolicyTally.mostRows, rowOctets + row.size <= PolicyTally.mostOctets {
            rows[row] = count
            rowOctets += row.size
        } else {
            leftOut = min(leftOut + count, 1 << 40)
        }
    }

    mutating func leaveOut(_ count: Int) { leftOut = min(leftOut + count, 1 << 40) }

    /// With what another counted of the same day and domain, later.
    package mutating func add(_ other: PolicyTally) {
        published = other.published
        leaveOut(other.leftOut)
        for (row, count) in other.rows { add(row, count: count) }
    }
}

extension PolicyTally.Published {
    init(_ verdict: DMARCVerdict) {
        guard let record = verdict.record else { return }
        policy = record.policy
        subdomainPolicy = record.subdomainPolicy
        missingDomainPolicy = record.missingDomainPolicy
        dkimAlignment = record.dkimAlignment
        spfAlignment = record.spfAlignment
        isTesting = record.isTesting
        failureOptions = PolicyTally.cleaned(record.failureOptions, most: 20)
        reportURIs = record.aggregateReports.prefix(PolicyTally.mostURIs).filter { $0.utf8.count <= 300 }.map { PolicyTally.cleaned($0, most: 300) }
        organizationalDomain = verdict.organizationalDomain
    }
}

extension PolicyTally.Row {
    /// RFC 9990 §3.1.3 allows a hundred.
    private static let mostSignatures = 10
    private static let mostOverrides = 4

    init(_ observation: DMARCObservation) {
        let verdict = observation.verdict
        source = observation.source.description
        disposition = observation.disposition
        isDKIMAligned = verdict.isDKIMAligned
        isSPFAligned = verdict.isSPFAligned
        overrides = observation.overrides.prefix(Self.mostOverrides).map {
            Override(kind: $0.kind.rawValue, comment: PolicyTally.cleaned($0.comment ?? "", most: 100))
        }
        headerFrom = PolicyTally.name(verdict.author)
        envelopeFrom = observation.envelopeFrom.map(PolicyTally.name) ?? ""
        envelopeTo = observation.envelopeTo.map(PolicyTally.name) ?? ""
        // RFC 9990 §3.1.3: those of the author first, and of them those that pass.
        let known = observation.dkim.filter { $0.domain != nil }.enumerated().sorted { a, b in
            (Self.rank(a.element, verdict.author), a.offset) < (Self.rank(b.element, verdict.author), b.offset)
        }
        signatures = known.prefix(Self.mostSignatures).map { _, one in
            Signature(
                domain: one.domain.map(PolicyTally.name) ?? "", selector: PolicyTally.cleaned(one.selector ?? "", most: 100), result: one.result.rawValue)
        }
        spfDomain = observation.spf?.domain.map(PolicyTally.name) ?? ""
        spfResult = observation.spf == nil || spfDomain.isEmpty ? "" : observation.spf?.result.rawValue ?? ""
    }

    private static func rank(_ verdict: DKIMVerdict, _ author: Domain) -> Int {
        guard verdict.result == .pass else { return 3 }
        guard let domain = verdict.domain, domain != author else { return 0 }
        return author.value.hasSuffix("." + domain.value) || domain.value.hasSuffix("." + author.value) ? 1 : 2
    }

    var size: Int {
        let own = 120 + source.utf8.count + headerFrom.utf8.count + envelopeFrom.utf8.count + envelopeTo.utf8.count + spfDomain.utf8.count
        let signed = signatures.reduce(own) { $0 + 20 + $1.domain.utf8.count + $1.selector.utf8.count }
        return overrides.reduce(signed) { $0 + 30 + $1.comment.utf8.count }
    }
}

extension PolicyTally {
    static func name(_ domain: Domain) -> String { cleaned((domain.asciiForm ?? domain).value, most: 255) }

    /// In one line, cut at `most` octets.
    static func cleaned(_ text: String, most: Int) -> String {
        if text.utf8.count <= most, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
        var text = RemoteReply.cleaned(text)
        while text.utf8.count > most { text.unicodeScalars.removeLast() }
        return text
    }
}
