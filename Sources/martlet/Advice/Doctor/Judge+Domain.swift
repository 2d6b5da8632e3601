import Conversation
import MailModel

/// Makes findings of facts: nothing here waits, asks or knows the time.
enum Judge {
    static func domain(_ facts: DomainFacts) -> [Finding] {
        // What is missing in a domain that is not there need not be said.
        if case .success(let answer) = facts.exchangers, answer.denial == .noSuchName {
            let domain = facts.site.domain.value
            return [Finding(.domainGone, domain, "there is no such domain", fix: "register it, or see that its name servers serve it")]
        }
        return faults(facts) + exchangers(facts) + host(facts) + senderPolicy(facts) + signing(facts) + alignment(facts) + tlsReports(facts)
            + transportPolicy(facts) + keys(facts)
            + services(facts)
            + issuers(facts)
    }

    static func resolver(_ probe: ResolverSight) -> [Finding] {
        switch probe {
        case .proves, .provesByOtherAnchor: []
        case .trusts:
            [
                Finding(
                    .resolverTrusting, "dns.trust-anchor", "it is none, so DNSSEC proves nothing and DANE is not possible",
                    fix: "leave dns.trust-anchor out, and ask resolvers that pass signatures on")
            ]
        case .unproved:
            [
                Finding(
                    .resolverUnproved, "dns", "the root's own servers are found and not proved",
                    fix: "ask resolvers that pass DNSSEC's signatures on (dns.servers), or none, so that names are looked for from the root on")
            ]
        case .forged(let reason, let isTime):
            isTime
                ? [
                    Finding(
                        .clockWrong, "clock", "signatures of DNSSEC's root are not valid at this time: \(reason)",
                        fix: "set the clock, and have it kept (chrony, systemd-timesyncd)")
                ]
                : [
                    Finding(
                        .resolverForges, "dns", "the root's own servers cannot be proved: \(reason)",
                        fix: "ask other resolvers (dns.servers), or none; dns.trust-anchor: none believes them all")
                ]
        case .fails(let fault):
            [
                Finding(
                    .resolverFails, "dns", "the root's own servers are not found: \(fault.sentence)",
                    fix: "let this machine ask the world's name servers (UDP and TCP port 53), or name resolvers in dns.servers")
            ]
        }
    }

    /// What was not answered at all, once.
    private static func faults(_ facts: DomainFacts) -> [Finding] {
        let site = facts.site
        var asked: [(String, ResolverFault?)] = [
            ("MX of \(site.domain)", facts.exchangers.fault), ("TXT of \(site.domain)", facts.texts.fault),
            ("TXT of _dmarc.\(site.domain)", facts.alignment.fault),
            ("TXT of _smtp._tls.\(site.domain)", facts.tlsReports.fault), ("TLSA of _25._tcp.\(site.host)", facts.keys.fault),
            ("CAA of \(site.host)", facts.issuers.fault),
        ]
        if let policy = facts.transportPolicy { asked.append(("TXT of _mta-sts.\(site.domain)", policy.fault)) }
        asked += facts.services.sorted { $0.key < $1.key }.map { ("SRV of \($0.key).\(site.domain)", $0.value.fault) }
        for (host, answers) in facts.hosts.sorted(by: { $0.key < $1.key }) {
            asked += zip(["A", "AAAA"], answers).map { ("\($0) of \(host)", $1.fault) }
        }
        for case .unanswered(let fault) in facts.coverage.values { asked.append(("what the SPF record includes", fault)) }
        var bogus: [String] = []
        var silent: [String] = []
        for (question, fault) in asked {
            switch fault {
            case nil: break
            case .bogus(let reason)?: bogus.append("\(question) (\(reason))")
            case let fault?: silent.append("\(question) (\(fault.sentence))")
            }
        }
        var findings: [Finding] = []
        if !bogus.isEmpty {
            findings.append(
                Finding(
                    .bogus, site.domain.value, "DNSSEC shows to be broken: \(bogus.joined(separator: "; "))",
                    fix: "sign the zone anew, and see that the DS record at the registrar fits its key (dnsviz.net shows where the chain breaks)"))
        }
        if !silent.isEmpty {
            findings.append(
                Finding(
                    .unanswered, site.domain.value, "no answer to: \(silent.joined(separator: "; "))",
                    fix: "see that all name servers of the zone answer, for types that they do not know too"))
        }
        return findings
    }

    private static func exchangers(_ facts: DomainFacts) -> [Finding] {
        let site = facts.site
        let add = "add \(site.domain). IN MX 10 \(site.host)."
        guard case .success(let answer) = facts.exchangers else { return [] }
        var findings: [Finding] = []
        if facts.canProve, !answer.isSecure {
            findings.append(
                Finding(
                    .unsigned, site.domain.value, "the zone is not signed, so DANE cannot protect mail that comes",
                    fix: "have the zone signed where it is served, and give the registrar its DS record"))
        }
        guard answer.denial == nil else { return findings + [Finding(.mxMissing, site.domain.value, "it has no MX record", fix: add)] }
        let named = answer.records.compactMap(\.host)
        if named.count < answer.records.count {
            let isAlone = named.isEmpty
            findings.append(
                Finding(
                    isAlone ? .mxNull : .mxNullBeside, site.domain.value, "its MX record `.` says that it takes no mail" + (isAlone ? "" : ", beside others"),
                    fix: isAlone ? "put the MX \(site.host). in its place" : "remove the MX record with the host `.`"))
        }
        for host in named { findings += exchanger(host, facts) }
        let ours = answer.records.filter { $0.host.map { isOurs($0, facts) } ?? false }
        for case let host? in ours.map(\.host) where facts.uncovered.contains(host) && IPAddress(host.value) == nil {
            findings.append(
                Finding(
                    .tlsNames, host.value, "the certificate is not for it, and \(site.domain)'s MX record names it",
                    fix: "get one that has all names by which the server is reached, or name \(site.host) in the MX record"))
        }
        if ours.isEmpty, !named.isEmpty, site.addresses.isEmpty {
            findings.append(
                Finding(
                    .hostUnknown, site.domain.value,
                    "its mail is brought to \(named.map(\.value).joined(separator: ", ")), and this machine has no address of the world's",
                    fix: "set hostname to the name in the MX record, or outbound.own-addresses to the addresses at which the world reaches this server"))
        } else if ours.isEmpty, !named.isEmpty {
            findings.append(
                Finding(
                    .mxElsewhere, site.domain.value, "its mail is brought to \(named.map(\.value).joined(separator: ", ")), and not to this server", fix: add))
        } else if let own = ours.map(\.preference).min(), let first = answer.records.first, first.preference < own, let host = first.host {
            findings.append(
                Finding(
                    .mxNotFirst, site.domain.value, "\(host) is asked before this server",
                    fix: "if it does not hand the mail on, lower this server's preference"))
        }
        return findings
    }

    private static func exchanger(_ host: Domain, _ facts: DomainFacts) -> [Finding] {
        let domain = facts.site.domain.value
        if IPAddress(host.value) != nil {
            return [
                Finding(
                    .mxAddress, domain, "its MX record names the address \(host), which no server looks for",
                    fix: "name a host that has this address (RFC 5321 §5.1)")
            ]
        }
        let answers = facts.hosts[host] ?? []
        if answers.contains(where: { $0.canonicalName() != nil }) {
            return [Finding(.mxAlias, domain, "its MX record names \(host), which is an alias", fix: "name the host itself (RFC 2181 §10.3)")]
        }
        if !answers.isEmpty, answers.allSatisfy({ $0.isDenied() }) {
            return [
                Finding(.mxUnresolved, domain, "its MX record names \(host), which has no address", fix: "add A and AAAA records for \(host), or remove the MX")
            ]
        }
        return []
    }

    private static func isOurs(_ host: Domain, _ facts: DomainFacts) -> Bool {
        let addresses = (facts.hosts[host] ?? []).flatMap { $0.records() }
        return host == facts.site.host || addresses.contains(where: facts.site.addresses.contains)
    }

    private static func host(_ facts: DomainFacts) -> [Finding] {
        let site = facts.site
        guard let answers = facts.hosts[site.host] else { return [] }
        let found: [IPAddress] = answers.flatMap { $0.records() }
        guard !found.isEmpty else { return [] }
        guard !site.addresses.isEmpty else {
            return [
                Finding(
                    .hostUnknown, site.host.value, "it is at \(list(found)), and this machine has no address of the world's",
                    fix: "set outbound.own-addresses to the addresses at which the world reaches this server")
            ]
        }
        let others = found.filter { !site.addresses.contains($0) }
        if others.count == found.count {
            return [
                Finding(
                    .hostElsewhere, site.host.value, "it is at \(list(found)), and this server at \(list(site.addresses))",
                    fix: "correct its A and AAAA records, or outbound.own-addresses")
            ]
        }
        guard !others.isEmpty else { return [] }
        return [
            Finding(
                .hostOther, site.host.value, "\(list(others)) is not this server's",
                fix: "remove that address, or add it to outbound.own-addresses if mail for it comes here")
        ]
    }

    static func list(_ addresses: [IPAddress]) -> String { addresses.map(\.description).joined(separator: ", ") }
}

extension ResolverFault {
    /// As the end of a sentence.
    var sentence: String {
        switch self {
        case .failed(let code): "the name server answered with error \(code)"
        case .timedOut: "nobody answered in time"
        case .bogus(let reason): "forged or broken: \(reason)"
        case .malformed: "the answer makes no sense"
        case .unavailable(let reason): reason
        }
    }
}
