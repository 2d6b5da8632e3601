import Conversation
import MailModel
import PostOffice
import SenderTrust

extension Judge {
    static func senderPolicy(_ facts: DomainFacts) -> [Finding] {
        let site = facts.site
        guard case .success(let answer) = facts.texts else { return [] }
        let wanted = RecordMakers.senderPolicyText(site)
        let policies = answer.records.filter(SPFRecord.isPolicy)
        guard let policy = policies.first else {
            return [Finding(.spfMissing, site.domain.value, "it has no SPF record", fix: "add \(site.domain). IN TXT \"\(wanted)\"")]
        }
        guard policies.count == 1 else {
            return [
                Finding(
                    .spfSeveral, site.domain.value, "it has \(policies.count) SPF records, and others take several as none",
                    fix: "join them in one (RFC 7208 §3.2)")
            ]
        }
        var findings: [Finding] = []
        var excluded: [IPAddress] = []
        var said: Set<SenderPolicyOutcome> = []
        for (address, outcome) in facts.coverage.sorted(by: { $0.key.description < $1.key.description }) {
            switch outcome {
            case .passes(let isEverybody):
                if isEverybody, said.insert(outcome).inserted {
                    findings.append(
                        Finding(.spfOpen, site.domain.value, "its SPF record lets everybody send mail of the domain", fix: "end it with ~all instead of +all"))
                }
            case .excluded: excluded.append(address)
            case .broken(let reason):
                if said.insert(outcome).inserted {
                    findings.append(
                        Finding(
                            .spfBroken, site.domain.value, "its SPF record \"\(policy)\" cannot be followed: \(reason)", fix: "write it anew: \"\(wanted)\""))
                }
            case .unknown(let reason):
                if said.insert(outcome).inserted {
                    findings.append(
                        Finding(
                            .spfUnknown, site.domain.value, "whether its SPF record has \(address): \(reason)",
                            fix: "send a message to a mailbox elsewhere and look for spf= in its Authentication-Results"))
                }
            // `faults` tells it.
            case .unanswered: break
            }
        }
        if !excluded.isEmpty {
            findings.append(
                Finding(
                    .spfExcludes, site.domain.value, "its SPF record \"\(policy)\" leaves out \(list(excluded)), which its mail comes from",
                    fix: "add " + excluded.map { ($0.isIPv4 ? "ip4:" : "ip6:") + $0.description }.joined(separator: " ") + " before its end"))
        }
        return findings
    }

    static func alignment(_ facts: DomainFacts) -> [Finding] {
        let domain = facts.site.domain.value
        guard case .success(let answer) = facts.alignment else { return [] }
        let policies = answer.records.filter { Tags($0).version == "DMARC1" }
        guard let policy = policies.first else {
            return [
                Finding(
                    .dmarcMissing, domain, "it has no DMARC record, and large providers doubt such mail",
                    fix: "add _dmarc.\(domain). IN TXT \"v=DMARC1; p=none; rua=mailto:\(facts.site.mailReports)\"")
            ]
        }
        guard policies.count == 1 else {
            return [
                Finding(.dmarcSeveral, domain, "it has \(policies.count) DMARC records, and others take several as none", fix: "leave one (RFC 7489 §6.6.3)")
            ]
        }
        guard ["none", "quarantine", "reject"].contains(Tags(policy)["p"]?.lowercased()) else {
            return [Finding(.dmarcBroken, domain, "its DMARC record \"\(policy)\" has no policy", fix: "begin it with v=DMARC1; p=none (RFC 7489 §6.3)")]
        }
        return []
    }

    static func tlsReports(_ facts: DomainFacts) -> [Finding] {
        let domain = facts.site.domain.value
        guard case .success(let answer) = facts.tlsReports, facts.site.isTLS else { return [] }
        let fix = "add _smtp._tls.\(domain). IN TXT \"v=TLSRPTv1; rua=mailto:\(facts.site.tlsReports)\""
        let policies = answer.records.filter { Tags($0).version == "TLSRPTv1" }
        guard let policy = policies.first else {
            return answer.records.isEmpty
                ? [Finding(.tlsReportsMissing, domain, "nobody is asked to report where TLS to its servers fails", fix: fix)]
                : [Finding(.tlsReportsBroken, domain, "its record for reports on TLS is none of version TLSRPTv1", fix: fix)]
        }
        // RFC 8460 §3
        let places = Tags(policy)["rua"]?.split(separator: ",").map { $0.drop { $0 == " " } } ?? []
        guard policies.count == 1, !places.isEmpty, places.allSatisfy({ $0.hasPrefix("mailto:") || $0.hasPrefix("https:") }) else {
            return [Finding(.tlsReportsBroken, domain, "its record for reports on TLS says nowhere to send them, or stands there twice", fix: fix)]
        }
        return []
    }

    /// RFC 8461 §3.1
    static func transportPolicy(_ facts: DomainFacts) -> [Finding] {
        let domain = facts.site.domain.value
        guard let id = facts.site.transportPolicyID, case .success(let answer)? = facts.transportPolicy else { return [] }
        let record = "_mta-sts.\(domain). IN TXT \"v=STSv1; id=\(id)\""
        guard !answer.records.isEmpty else {
            return [Finding(.transportPolicyMissing, domain, "it has a policy for TLS (mta-sts.mode), and no record says so", fix: "add \(record)")]
        }
        guard let found = StrictTransportRecord(answer.records) else {
            return [
                Finding(.transportPolicyOther, domain, "its record for MTA-STS cannot be understood, or stands there twice", fix: "replace it with \(record)")
            ]
        }
        guard found.id != id else { return [] }
        return [
            Finding(
                .transportPolicyOther, domain, "its record for MTA-STS has another id than the policy that is served, so others keep an earlier one",
                fix: "replace it with \(record)")
        ]
    }

    /// RFC 8461 §3.3
    static func policy(_ facts: PolicyFacts) -> [Finding] {
        let place = facts.place.value
        switch facts.outcome {
        case .unseen(let reason):
            return [
                Finding(
                    .transportPolicyUnseen, place, "whether others can fetch the domain's policy for TLS: \(reason)",
                    fix: "from a machine elsewhere: curl -v https://\(place)/.well-known/mta-sts.txt")
            ]
        case .failed(let failure):
            let isOfTLS = failure.kind == .stsWebPKIInvalid
            let absence = facts.isListening || isOfTLS ? "" : "; https does not listen here"
            return [
                Finding(
                    .transportPolicyUnfetchable, place, "others cannot fetch the domain's policy for TLS there: \(failure.reason)\(absence)",
                    fix: isOfTLS
                        ? "have a certificate for this name too, with its whole chain (acme.automatic-names, acme.optional-names or tls.certificates)"
                        : "lead the name to where https serves the policy at port 443 (listeners.https, mta-sts.mode), or remove the record of _mta-sts")
            ]
        case .fetched(let policy):
            guard policy.mode != .none, !policy.covers(facts.host) else { return [] }
            return [
                Finding(
                    .transportPolicyExcludes, place, "the domain's policy for TLS is not for \(facts.host), by which its mail comes",
                    fix: "write mx: \(facts.host) into it, and change the id of its record")
            ]
        }
    }

    static func reports(_ facts: ReportFacts) -> [Finding] {
        let fix = "set reports.from to an address of a domain of this server, or leave it out"
        guard let domain = facts.sender.domain.asciiForm else {
            return [
                Finding(
                    .reportsUnusable, "reports.from",
                    "\(facts.sender.domain) has no form that DNS can be asked for (IDNA does not allow it): nobody takes such mail", fix: fix)
            ]
        }
        guard !facts.domains.contains(domain) else { return [] }
        return [
            Finding(
                .reportsForeign, "reports.from",
                "reports go out from \(facts.sender.written), and \(domain) is no domain of this server: nothing signs them, and answers do not come here",
                fix: fix)
        ]
    }

    static func keys(_ facts: DomainFacts) -> [Finding] {
        let site = facts.site
        let name = "_25._tcp.\(site.host)"
        guard case .success(let answer) = facts.keys else { return [] }
        if answer.denial != nil {
            guard answer.isSecure, let key = site.key else { return [] }
            return [
                Finding(.tlsaMissing, name, "the zone is signed, and has no TLSA record", fix: "add \(name). IN TLSA 3 1 1 \(RecordMakers.hex(key.digest))")
            ]
        }
        guard answer.isSecure else {
            // Where nothing can be proved nobody knows whether the zone is signed.
            guard facts.canProve else { return [] }
            return [
                Finding(
                    .tlsaUnproved, name, "it has TLSA records in a zone that is not signed, and nobody heeds them", fix: "have the zone signed, or remove them")
            ]
        }
        // As those that bring mail read them.
        let usable = TLSARecord.usable(of: answer.records.map(\.record))
        guard !usable.isEmpty else {
            return [
                Finding(
                    .tlsaUnusable, name, "none of its TLSA records is one that mail servers can use (RFC 7672 §3.1.3), and they take any certificate",
                    fix: "publish usage 3, as martlet dns records prints it")
            ]
        }
        guard site.isTLS else {
            return [
                Finding(
                    .tlsaWithoutTLS, name, "it promises TLS, and tls.enabled is false: servers that heed it bring no mail",
                    fix: "switch TLS on, or remove the record")
            ]
        }
        let fitting = answer.records.filter(\.fits).map(\.record)
        guard let key = site.key, !usable.contains(where: fitting.contains) else { return [] }
        // RFC 7671 §9
        let which =
            fitting.isEmpty ? "none of its TLSA records fits" : "its TLSA records with SHA-256 count for nothing beside those with SHA-512, of which none fits"
        return [
            Finding(
                .tlsaMismatch, name, "\(which) the certificate in use: servers that heed them bring no mail",
                fix: "publish 3 1 1 \(RecordMakers.hex(key.digest)) now; before a key is changed publish both, a day before")
        ]
    }

    static func services(_ facts: DomainFacts) -> [Finding] {
        let site = facts.site
        var missing: [String] = []
        var findings: [Finding] = []
        for row in RecordMakers.clientServices {
            guard case .success(let answer)? = facts.services[row.name] else { continue }
            let name = "\(row.name).\(site.domain)"
            guard let port = site.ports[row.service] else {
                if answer.records.contains(where: { $0.host == site.host }) {
                    findings.append(
                        Finding(
                            .srvWrong, name, "it sends mail programs to \(site.host), where \(row.service.rawValue) does not listen",
                            fix: "write 0 0 0 . instead"))
                }
                continue
            }
            if answer.denial != nil {
                missing.append(row.name)
            } else if !answer.records.contains(where: { $0.host == site.host && Int($0.port) == port }) {
                let there = answer.records.map { "\($0.host?.value ?? "nowhere") port \($0.port)" }.joined(separator: ", ")
                findings.append(
                    Finding(
                        .srvWrong, name, "it sends mail programs to \(there), and \(row.service.rawValue) listens at \(site.host) port \(port)",
                        fix: "write \(row.priority) 1 \(port) \(site.host)."))
            }
        }
        if !missing.isEmpty {
            findings.append(
                Finding(
                    .srvMissing, site.domain.value, "it has no SRV records \(missing.joined(separator: ", ")), so mail programs must guess",
                    fix: "add those that martlet dns records \(site.domain) prints"))
        }
        return findings
    }

    static func issuers(_ facts: DomainFacts) -> [Finding] {
        let site = facts.site
        guard let issuer = site.key?.issuer, let authority = RecordMakers.authorityNames[issuer] else { return [] }
        let allowed = facts.issuers.records().filter { $0.tag == "issue" }
        guard !allowed.isEmpty, !allowed.contains(where: { $0.authority == authority }) else { return [] }
        return [
            Finding(
                .caaForbids, site.host.value, "its CAA records do not let \(authority) issue, from which its certificate comes: it cannot be renewed",
                fix: "add \(site.host). IN CAA 0 issue \"\(authority)\"")
        ]
    }
}

/// `v=…; name=value; …` (RFC 6376 §3.2, RFC 7489 §6.3, RFC 8460 §3).
struct Tags {
    private var values: [String: String] = [:]
    /// Of the tag `v`, which comes first.
    private(set) var version: String?

    init(_ text: String) {
        for (index, part) in text.split(separator: ";").enumerated() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { continue }
            let (name, value) = (Tags.trimmed(pair[0]), Tags.trimmed(pair[1]))
            if index == 0, name == "v" { version = value }
            if values[name] == nil { values[name] = value }
        }
    }

    subscript(name: String) -> String? { values[name] }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
