import Conversation
import MailModel
import SenderTrust
import Transport

/// Asks the domain name system what others see of us.
struct NameSurvey: Sendable {
    let resolver: any Resolver

    /// - parameter certificate: against which TLSA records are held; nil: there is none.
    func domain(_ site: MailSite, canProve: Bool, certificate: CertificateExamination?) async -> DomainFacts {
        async let exchangers = told { try await resolver.mailExchangers(of: site.domain) }
        async let texts = told { try await text(site.domain.value) }
        async let alignment = closest("_dmarc.", site.domain) { try await text($0) }
        async let tlsReports = told { try await text("_smtp._tls.\(site.domain)") }
        async let transportPolicy = told { try await text("_mta-sts.\(site.domain)") }
        async let keys = told { try await tlsa(site, certificate) }
        async let services = services(site)
        async let issuers = closest("", site.host) { try await records(.caa, $0, RecordData.issuer) }
        async let signing = signing(site)
        async let own = addresses(of: site.host)
        var facts = await DomainFacts(
            site: site, canProve: canProve, exchangers: exchangers, hosts: [:], texts: texts, coverage: [:], alignment: alignment, tlsReports: tlsReports,
            keys: keys, signing: signing, services: services, issuers: issuers)
        facts.transportPolicy = await transportPolicy
        facts.coverage = await coverage(facts.texts.records(), site)
        let names = Set(facts.exchangers.records().compactMap(\.host)).filter { IPAddress($0.value) == nil && $0 != site.host }
        facts.hosts = await withTaskGroup { group in
            for name in names.sorted().prefix(20) { group.addTask { (name, await addresses(of: name)) } }
            var hosts: [Domain: [Told<IPAddress>]] = [:]
            for await (name, answers) in group { hosts[name] = answers }
            return hosts
        }
        facts.hosts[site.host] = await own
        if let certificate { facts.uncovered = names.filter { !certificate.covers($0.value) } }
        return facts
    }

    /// - parameter addresses: that mail comes from under this name.
    func sender(_ name: Domain, _ addresses: [IPAddress]) async -> SenderFacts {
        async let named = self.addresses(of: name)
        let pointers = await withTaskGroup(of: (Int, SenderFacts.Pointer).self) { group in
            for (place, address) in addresses.enumerated() { group.addTask { (place, await pointer(address)) } }
            var pointers: [(Int, SenderFacts.Pointer)] = []
            for await pointer in group { pointers.append(pointer) }
            return pointers.sorted { $0.0 < $1.0 }.map(\.1)
        }
        return SenderFacts(name: name, nameAddresses: await named, pointers: pointers)
    }

    private func pointer(_ address: IPAddress) async -> SenderFacts.Pointer {
        let names = await told { try await records(.ptr, address.reverseName, RecordData.pointer) }
        var confirmations: [Domain: Told<IPAddress>] = [:]
        for name in names.records().prefix(10) {
            confirmations[name] = await told { try await resolver.addresses(of: name, address.isIPv4 ? .ipv4 : .ipv6) }
        }
        return SenderFacts.Pointer(address: address, names: names, confirmations: confirmations)
    }

    func addresses(of host: Domain) async -> [Told<IPAddress>] {
        async let ipv4 = told { try await resolver.addresses(of: host, .ipv4) }
        async let ipv6 = told { try await resolver.addresses(of: host, .ipv6) }
        return await [ipv4, ipv6]
    }

    private func tlsa(_ site: MailSite, _ certificate: CertificateExamination?) async throws -> DNSAnswer<DomainFacts.Key> {
        try await records(.tlsa, "_25._tcp.\(site.host)") { octets in
            RecordData.tlsa(octets).map { DomainFacts.Key(record: $0, fits: certificate?.fits(tlsa: octets) ?? site.key?.fits(tlsa: octets) ?? false) }
        }
    }

    private func services(_ site: MailSite) async -> [String: Told<ServiceLocation>] {
        await withTaskGroup { group in
            for row in RecordMakers.clientServices {
                group.addTask { (row.name, await told { try await records(.srv, "\(row.name).\(site.domain)", RecordData.service) }) }
            }
            var services: [String: Told<ServiceLocation>] = [:]
            for await (name, answer) in group { services[name] = answer }
            return services
        }
    }

    private func signing(_ site: MailSite) async -> [String: Told<String>] {
        await withTaskGroup { group in
            for key in site.signingKeys ?? [] { group.addTask { (key.selector, await told { try await text(key.name) }) } }
            var found: [String: Told<String>] = [:]
            for await (selector, answer) in group { found[selector] = answer }
            return found
        }
    }

    private func coverage(_ texts: [String], _ site: MailSite) async -> [IPAddress: SenderPolicyOutcome] {
        guard texts.count(where: SPFRecord.isPolicy) == 1, site.smarthosts.isEmpty else { return [:] }
        var coverage: [IPAddress: SenderPolicyOutcome] = [:]
        for address in site.senderAddresses {
            coverage[address] = await SenderPolicyOutcome(of: site.domain, helo: site.senderName, for: address, resolver)
        }
        return coverage
    }

    private func text(_ name: String) async throws -> DNSAnswer<String> { try await records(.txt, name, RecordData.text) }

    /// Of a name, or else of the closest above it that has records, but of no top-level domain (RFC 8659 §3, RFC 7489 §6.6.3).
    private func closest<Record>(
        _ prefix: String, _ name: Domain, _ ask: (String) async throws -> DNSAnswer<Record>
    ) async -> Told<Record> {
        var labels = name.value.split(separator: ".")
        var first: Told<Record>?
        while labels.count >= 2 || first == nil {
            let answer = await told { try await ask(prefix + labels.joined(separator: ".")) }
            guard answer.isDenied() else { return answer }
            first = first ?? answer
            labels.removeFirst()
        }
        return first ?? .failure(.malformed)
    }

    private func records<Record>(_ type: RecordType, _ name: String, _ read: ([UInt8]) -> Record?) async throws -> DNSAnswer<Record> {
        guard let name = Domain(name) else { throw ResolverFault.malformed }
        return try await resolver.rdata(type, of: name).map(read)
    }

    private func told<Record>(_ ask: () async throws -> DNSAnswer<Record>) async -> Told<Record> {
        do {
            return .success(try await ask())
        } catch let fault as ResolverFault {
            return .failure(fault)
        } catch {
            return .failure(.unavailable("it was given up"))
        }
    }
}

extension ResolverSight {
    init(_ probe: ResolverProbe, _ anchor: Configuration.Names.Anchor) {
        self =
            switch (probe, anchor) {
            case (.failing(let fault), _): .fails(fault)
            // libunbound's words.
            case (.bogus(let reason), _): .forged(reason, isTime: reason.contains("signature expired") || reason.contains("before inception"))
            case (.validating, _): .proves
            case (.notValidating, .root): .unproved
            case (.notValidating, .file): .provesByOtherAnchor
            case (.notValidating, .none): .trusts
            }
    }
}
