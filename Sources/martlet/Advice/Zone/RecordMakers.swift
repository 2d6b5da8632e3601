import Conversation
import MailModel

/// What makes the records of a domain. Whoever serves something more that zones speak of (a key that signs, a policy) adds a maker to the list.
enum RecordMakers {
    /// In the order in which they are printed.
    static let all: [@Sendable (MailSite) -> [ZoneRecord]] = [
        exchanger, addresses, senderPolicy, nameSenderPolicy, signingKeys, alignment, tlsReports, tlsKey, transportPolicy, services, programs, authorities,
        pointers,
    ]

    static func exchanger(_ site: MailSite) -> [ZoneRecord] {
        [
            ZoneRecord(
                name: site.domain.value, type: "MX", data: "10 \(site.host).", explanation: "Mail for the domain is brought to this host (RFC 5321 §5.1)")
        ]
    }

    static func addresses(_ site: MailSite) -> [ZoneRecord] {
        site.addresses.map { address in
            ZoneRecord(
                name: site.host.value, type: address.isIPv4 ? "A" : "AAAA", data: address.description,
                explanation: site.holds(site.host) ? "Where that host is" : "Where that host is; these belong in the zone of \(site.host)",
                place: site.holds(site.host) ? .zone : .elsewhere)
        }
    }

    /// The text of a domain's SPF record.
    static func senderPolicyText(_ site: MailSite) -> String {
        let addresses = site.senderAddresses.map { ($0.isIPv4 ? "ip4:" : "ip6:") + $0.description }
        return (["v=spf1"] + (addresses.isEmpty ? ["mx"] : addresses) + ["~all"]).joined(separator: " ")
    }

    static func senderPolicy(_ site: MailSite) -> [ZoneRecord] {
        [
            ZoneRecord(
                name: site.domain.value, type: "TXT", data: TextData.quoted(senderPolicyText(site)),
                explanation: "SPF: where mail of the domain comes from (RFC 7208); ~all and not -all, for forwarded mail does not come from there")
        ]
    }

    /// RFC 7208 §2.3: reports have no sender, and are judged by the name that we give.
    static func nameSenderPolicy(_ site: MailSite) -> [ZoneRecord] {
        guard site.senderName != site.domain else { return [] }
        return [
            ZoneRecord(
                name: site.senderName.value, type: "TXT", data: TextData.quoted("v=spf1 a -all"),
                explanation: "SPF of the name that this server gives, by which reports are judged that have no sender (RFC 7208 §2.3)",
                place: site.holds(site.senderName) ? .zone : .elsewhere)
        ]
    }

    static func alignment(_ site: MailSite) -> [ZoneRecord] {
        [
            ZoneRecord(
                name: "_dmarc.\(site.domain)", type: "TXT", data: TextData.quoted("v=DMARC1; p=none; rua=mailto:\(site.mailReports)"),
                explanation:
                    "DMARC: others report what they see of the domain, and refuse nothing (RFC 9989, RFC 9990); ask for more when its mail is signed and the reports are good"
            )
        ]
    }

    static func tlsReports(_ site: MailSite) -> [ZoneRecord] {
        [
            ZoneRecord(
                name: "_smtp._tls.\(site.domain)", type: "TXT", data: TextData.quoted("v=TLSRPTv1; rua=mailto:\(site.tlsReports)"),
                explanation: "Others report where TLS to this domain's servers failed (RFC 8460)")
        ]
    }

    static func tlsKey(_ site: MailSite) -> [ZoneRecord] {
        guard let key = site.key else { return [] }
        let renewal =
            key.isOwn
            ? "this server keeps the key from one certificate to the next"
            : "renew the certificate with the same key (certbot: --reuse-key), or publish both keys before"
        func record(_ digest: [UInt8], _ explanation: String) -> ZoneRecord {
            ZoneRecord(
                name: "_25._tcp.\(site.host)", type: "TLSA", data: "3 1 1 " + hex(digest), explanation: explanation,
                place: site.holds(site.host) ? .zone : .elsewhere)
        }
        let present = record(
            key.digest, "DANE: the key that port 25 of the host shows (RFC 7672). Heeded only where the zone is signed (DNSSEC); \(renewal)")
        guard let next = key.nextDigest else { return [present] }
        return [present, record(next, "DANE: the key that the next certificate has; it stands beside the other two TTLs before that is used (RFC 7671 §8.1)")]
    }

    struct ClientService {
        let service: Service
        /// RFC 6186 §3, RFC 8314 §5.1.
        let name: String
        /// The safer ones come first.
        let priority: Int
        let purpose: String
    }

    /// What mail programs look for.
    static let clientServices = [
        ClientService(service: .submissions, name: "_submissions._tcp", priority: 0, purpose: "send mail, over TLS (RFC 8314 §5.1)"),
        ClientService(service: .submission, name: "_submission._tcp", priority: 10, purpose: "send mail, with STARTTLS (RFC 6186 §3.1)"),
        ClientService(service: .imaps, name: "_imaps._tcp", priority: 0, purpose: "read mail by IMAP over TLS (RFC 6186 §3.2)"),
        ClientService(service: .imap, name: "_imap._tcp", priority: 10, purpose: "read mail by IMAP with STARTTLS (RFC 6186 §3.2)"),
        ClientService(service: .pop3s, name: "_pop3s._tcp", priority: 20, purpose: "fetch mail by POP3 over TLS (RFC 6186 §3.3)"),
        ClientService(service: .pop3, name: "_pop3._tcp", priority: 30, purpose: "fetch mail by POP3 with STLS (RFC 6186 §3.3)"),
    ]

    static func services(_ site: MailSite) -> [ZoneRecord] {
        clientServices.map { row in
            let port = site.ports[row.service]
            return ZoneRecord(
                name: "\(row.name).\(site.domain)", type: "SRV", data: port.map { "\(row.priority) 1 \($0) \(site.host)." } ?? "0 0 0 .",
                explanation: port == nil ? "Here mail programs cannot \(row.purpose)" : "Where mail programs \(row.purpose)")
        }
    }

    /// The domains by which authorities call themselves in CAA records, by what stands in their certificates.
    static let authorityNames = [
        "Let's Encrypt": "letsencrypt.org", "ZeroSSL": "sectigo.com", "Sectigo Limited": "sectigo.com", "DigiCert Inc": "digicert.com",
        "Google Trust Services": "pki.goog", "GlobalSign nv-sa": "globalsign.com", "Buypass AS-983163327": "buypass.com", "SSL Corporation": "ssl.com",
        "Amazon": "amazon.com", "Actalis S.p.A.": "actalis.it", "Entrust, Inc.": "entrust.net",
    ]

    static func authorities(_ site: MailSite) -> [ZoneRecord] {
        guard site.isTLS else { return [] }
        let known = site.key.flatMap { authorityNames[$0.issuer] }
        let explanation =
            known == nil
            ? "If you get a certificate from this authority, nobody else is to issue one for the host (RFC 8659)"
            : "Nobody else is to issue certificates for the host (RFC 8659)"
        let place: ZoneRecord.Place = known == nil ? .suggestion : .zone
        return [
            ZoneRecord(
                name: site.host.value, type: "CAA", data: "0 issue \"\(known ?? "letsencrypt.org")\"", explanation: explanation,
                place: site.holds(site.host) ? place : .elsewhere)
        ]
    }

    static func pointers(_ site: MailSite) -> [ZoneRecord] {
        guard site.smarthosts.isEmpty else { return [] }
        return site.senderAddresses.map { address in
            ZoneRecord(
                name: address.reverseName, type: "PTR", data: "\(site.senderName).",
                explanation: "What the addresses that mail comes from are called: whoever gave them to you sets it (RFC 1912 §2.1)", place: .elsewhere)
        }
    }

    /// Nil: it is no hexadecimal number of whole octets.
    static func octets(hex text: String) -> [UInt8]? {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == text.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    static func hex(_ octets: [UInt8]) -> String { octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
