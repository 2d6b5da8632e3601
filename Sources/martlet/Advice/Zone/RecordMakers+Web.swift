import Crypto
import MailModel
import PostOffice
import WebAPI

// Names below the domain at which the web serves something.
extension RecordMakers {
    /// Another one for another policy (RFC 8461 §3.1): 32 letters and digits.
    static func transportPolicyID(_ policy: StrictTransportPolicy) -> String {
        hex(Array(SHA256.hash(data: Array(policy.lines.joined(separator: "\n").utf8)).prefix(16)))
    }

    static func transportPolicy(_ site: MailSite) -> [ZoneRecord] {
        guard let id = site.transportPolicyID else { return [] }
        return [
            ZoneRecord(
                name: "_mta-sts.\(site.domain)", type: "TXT", data: TextData.quoted("v=STSv1; id=\(id)"),
                explanation: "MTA-STS: the domain has a policy for TLS, which others fetch anew when the id is another (RFC 8461 §3.1)"),
            name(.strictTransport, site, place: .zone, "Where that policy is fetched, over HTTPS with a certificate for that name"),
        ]
    }

    /// What mail programs look for that do not ask for SRV records.
    static func programs(_ site: MailSite) -> [ZoneRecord] {
        guard site.ports[.https] != nil else { return [] }
        return [
            name(.autoconfig, site, place: .suggestion, "Where Thunderbird and others ask for the domain's servers, if the certificate is for that name too"),
            name(.autodiscover, site, place: .suggestion, "Where Outlook asks for the domain's servers, if the certificate is for that name too"),
        ]
    }

    private static func name(_ label: OwnNames.Label, _ site: MailSite, place: ZoneRecord.Place, _ explanation: String) -> ZoneRecord {
        ZoneRecord(name: "\(label.rawValue).\(site.domain)", type: "CNAME", data: "\(site.host).", explanation: explanation, place: place)
    }
}
