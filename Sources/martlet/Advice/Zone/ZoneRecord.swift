/// A record that a zone should have, in the form of a zone's file (RFC 1035 §5.1).
struct ZoneRecord: Encodable, Hashable, Sendable {
    enum Place: String, Encodable, Sendable {
        /// To be pasted into the domain's zone.
        case zone
        /// In another zone: that of the host, or the reverse one, which an Internet provider has.
        case elsewhere
        /// In the domain's zone, where its owner wants it.
        case suggestion
    }

    /// Absolute, without its final dot.
    let name: String
    let type: String
    /// Names in it are absolute, with their final dot.
    let data: String
    /// Why it is there: one line.
    let explanation: String
    var place = Place.zone
}

/// What `dns records` tells of a domain.
struct ZonePage: Encodable, Sendable {
    /// Seconds for which others may keep the records.
    static let ttl = 3_600

    let domain: String
    let host: String
    let ttl: Int
    let records: [ZoneRecord]
    /// What is not a record, and should be known.
    let notes: [String]

    init(_ site: MailSite) {
        domain = site.domain.value
        host = site.host.value
        ttl = ZonePage.ttl
        records = RecordMakers.all.flatMap { $0(site) }
        notes = ZonePage.notes(site)
    }

    /// As a zone's file has it: what is not to be pasted is in comments.
    var text: String {
        var lines = ["; Records for \(domain), whose mail \(host) takes.", "$ORIGIN \(domain).", "$TTL \(ttl)"]
        var explanation: String?
        for record in records {
            if record.explanation != explanation { lines += ["", "; " + record.explanation] }
            explanation = record.explanation
            let words = [relative(record.name), "IN", record.type, record.data].joined(separator: "\t")
            switch record.place {
            case .zone: lines.append(words)
            case .elsewhere: lines.append(";   \(record.name). IN \(record.type) \(record.data)")
            case .suggestion: lines.append("; " + words)
            }
        }
        return (lines + (notes.isEmpty ? [] : [""] + notes.map { "; Note: " + $0 })).joined(separator: "\n")
    }

    private func relative(_ name: String) -> String {
        if name == domain { return "@" }
        return name.hasSuffix("." + domain) ? String(name.dropLast(domain.utf8.count + 1)) : name + "."
    }

    private static func notes(_ site: MailSite) -> [String] {
        var notes: [String] = []
        if !site.host.value.contains(".") {
            notes.append("\(site.host) is no name that others can find; set hostname to a full one, such as mail.\(site.domain)")
        }
        if site.addresses.isEmpty {
            notes.append(
                "the address at which the world reaches \(site.host) cannot be seen from here; set outbound.own-addresses, and its A and AAAA records are printed too"
            )
        }
        if site.senderAddresses.isEmpty, site.smarthosts.isEmpty {
            notes.append("the address that mail comes from cannot be seen from here; set outbound.own-addresses, or outbound.source-addresses")
        }
        if !site.smarthosts.isEmpty {
            notes.append("mail goes out by \(site.smarthosts.joined(separator: ", ")): add to the SPF record what its operator tells you, often include:…")
        }
        if let port = site.ports[.smtp], port != 25 { notes.append("other servers bring mail to port 25 alone, and SMTP listens on port \(port) here") }
        if site.isTLS, site.key == nil { notes.append("there is no certificate yet, so no TLSA record; it is made at the first start of the server") }
        return notes
    }
}

/// A TXT record's data.
enum TextData {
    /// In quotes, in strings of 255 octets at most (RFC 1035 §3.3.14), which are read as one text (RFC 7208 §3.3). Octets that are no printable ASCII, quotes
    /// and backslashes are escaped (RFC 1035 §5.1).
    static func quoted(_ text: String) -> String {
        let octets = Array(text.utf8)
        guard !octets.isEmpty else { return "\"\"" }
        return stride(from: 0, to: octets.count, by: 255).map { start in
            "\"" + octets[start..<min(start + 255, octets.count)].map(escaped).joined() + "\""
        }.joined(separator: " ")
    }

    private static func escaped(_ octet: UInt8) -> String {
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): "\\" + String(Character(Unicode.Scalar(octet)))
        case 0x20...0x7E: String(Character(Unicode.Scalar(octet)))
        default: "\\" + (octet < 10 ? "00" : octet < 100 ? "0" : "") + String(octet)
        }
    }
}
