import Conversation
import MailModel
import Transport

@testable import martlet

func named(_ text: String) -> Domain {
    guard let domain = Domain(text) else { preconditionFailure("no domain: \(text)") }
    return domain
}

func address(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("no address: \(text)") }
    return address
}

func told<Record>(_ records: Record..., isSecure: Bool = true, alias: Domain? = nil) -> Told<Record> {
    .success(DNSAnswer(records: records, isSecure: isSecure, canonicalName: alias, ttl: 300))
}

func denied<Record>(_ denial: DNSDenial = .noRecords, isSecure: Bool = true) -> Told<Record> {
    .success(DNSAnswer(denial: denial, isSecure: isSecure, ttl: 60))
}

extension MailSite {
    static func example(
        host: String = "mail.example.org", addresses: [String] = ["11.0.0.1", "2a00:1::5"], senders: [String] = ["11.0.0.1", "2a00:1::5"],
        smarthosts: [String] = [], ports: [Service: Int] = [.smtp: 25, .submission: 587, .submissions: 465, .imap: 143, .imaps: 993], isTLS: Bool = true,
        issuer: String = "Let's Encrypt", isOwn: Bool = false
    ) -> MailSite {
        MailSite(
            domain: named("example.org"), host: named(host), addresses: addresses.map(address), senderName: named(host),
            senderAddresses: senders.map(address), smarthosts: smarthosts, ports: ports, isTLS: isTLS,
            key: isTLS ? Key(digest: [UInt8](repeating: 0xAB, count: 32), issuer: issuer, isOwn: isOwn) : nil)
    }
}

extension SigningKeyLine {
    static func example(_ selector: String, _ state: String = "active", bits: Int = 2_048) -> SigningKeyLine {
        let key = state == "revoked" ? "" : ["new": "AAAA", "old": "BBBB"][selector, default: "CCCC"]
        return SigningKeyLine(
            domain: "example.org", selector: selector, algorithm: "rsa-sha256", bits: state == "revoked" ? nil : bits, state: state,
            made: "2026-11-29T00:00:00Z", since: "2026-11-29T00:00:00Z", recordNeededUntil: state == "retiring" ? "2026-12-06T00:00:00Z" : nil,
            name: "\(selector)._domainkey.example.org", record: "v=DKIM1; k=rsa; p=" + key)
    }
}

extension DomainFacts.Key {
    /// Of a public key.
    init(usage: UInt8, matching: UInt8 = 1, octets: Int? = nil, fits: Bool) {
        let data = [UInt8](repeating: fits ? 1 : 2, count: octets ?? (matching == 2 ? 64 : 32))
        self.init(record: TLSARecord(usage: usage, selector: 1, matching: matching, data: data), fits: fits)
    }
}

extension DomainFacts {
    /// Nothing is wrong with it.
    static var good: DomainFacts {
        var site = MailSite.example()
        site.signingKeys = [.example("new"), .example("old", "retiring"), .example("gone", "revoked")]
        return DomainFacts(
            site: site, exchangers: told(MailExchanger(preference: 10, host: site.host)),
            hosts: [site.host: [told(address("11.0.0.1")), told(address("2a00:1::5"))]],
            texts: told("google-site-verification=x", "v=spf1 ip4:11.0.0.1 ip6:2a00:1::5 ~all"),
            coverage: [address("11.0.0.1"): .passes(isEverybody: false), address("2a00:1::5"): .passes(isEverybody: false)],
            alignment: told("v=DMARC1; p=none; rua=mailto:postmaster@example.org"), tlsReports: told("v=TLSRPTv1; rua=mailto:postmaster@example.org"),
            keys: told(Key(usage: 3, fits: true), Key(usage: 3, fits: false)),
            signing: ["new": told(SigningKeyLine.example("new").record), "old": told(SigningKeyLine.example("old").record), "gone": denied()],
            services: [
                "_submissions._tcp": service(465), "_submission._tcp": service(587), "_imaps._tcp": service(993), "_imap._tcp": service(143),
                "_pop3s._tcp": told(ServiceLocation(priority: 0, weight: 0, port: 0, host: nil)), "_pop3._tcp": denied(),
            ],
            issuers: told(IssuerProperty(tag: "issue", value: "letsencrypt.org; validationmethods=dns-01")))
    }

    static func service(_ port: UInt16, host: String = "mail.example.org") -> Told<ServiceLocation> {
        told(ServiceLocation(priority: 0, weight: 1, port: port, host: named(host)))
    }

    static func with(_ change: (inout DomainFacts) -> Void) -> [Finding] {
        var facts = good
        change(&facts)
        return Judge.domain(facts)
    }
}

extension SenderFacts {
    static func example(
        names: Told<Domain> = told(named("mail.example.org")), confirmed: Told<IPAddress> = told(address("11.0.0.1")),
        nameAddresses: [Told<IPAddress>] = [told(address("11.0.0.1")), denied()], isKnown: Bool = true
    ) -> SenderFacts {
        let confirmations = Dictionary(names.records().map { ($0, confirmed) }, uniquingKeysWith: { first, _ in first })
        return SenderFacts(
            name: named("mail.example.org"), nameAddresses: nameAddresses,
            pointers: isKnown ? [Pointer(address: address("11.0.0.1"), names: names, confirmations: confirmations)] : [])
    }
}

extension DiskFacts {
    static func example(
        free: Int64 = 50 << 30, total: Int64 = 100 << 30, floor: Int64 = 256 << 20, freeFiles: Int64 = 900_000, files: Int64 = 1_000_000,
        isMemory: Bool = false,
        syncs: [Int] = [900, 30_000, 1_100], rate: Int64? = 200 << 20
    ) -> DiskFacts {
        DiskFacts(
            path: "/data", free: free, total: total, floor: floor, freeFiles: freeFiles, files: files, isMemory: isMemory, syncs: syncs, rate: rate)
    }
}

extension FolderFacts {
    static func example(
        mode: UInt32? = 0o700, owner: UInt32 = 1_000, keyMode: UInt32? = 0o600, isServed: Bool = false, key: String = "/data.key"
    )
        -> FolderFacts
    {
        FolderFacts(
            folder: Entry(path: "/data", mode: mode, owner: owner), key: Entry(path: key, mode: keyMode, owner: 1_000), user: 1_000, isServed: isServed)
    }
}

extension CertificateFacts {
    static let day: Int64 = 86_400

    /// `days`: until it ends.
    static func example(
        days: Int64 = 60, since: Int64 = 30, trust: CertificateExamination.Trust = .vouched, uncovered: [String] = [], isInUse: Bool? = nil,
        isShown: Bool = true,
        keyMode: UInt32 = 0o600
    ) -> CertificateFacts {
        let now = Timestamp(rawValue: 1_795_307_700)
        return CertificateFacts(
            path: "/cert.pem",
            sight: .there(
                Leaf(
                    notBefore: Timestamp(rawValue: now.rawValue - since * day), notAfter: Timestamp(rawValue: now.rawValue + days * day), trust: trust,
                    uncovered: uncovered, isInUse: isInUse, isShown: isShown)),
            isOwn: false, now: now, key: Key(path: "/key.pem", mode: keyMode))
    }

    static func seen(_ sight: Sight) -> [Finding] {
        Judge.certificate(CertificateFacts(path: "/cert.pem", sight: sight, isOwn: true, now: Timestamp(rawValue: 0)))
    }
}
