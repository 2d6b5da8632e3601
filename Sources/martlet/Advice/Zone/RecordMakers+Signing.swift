extension RecordMakers {
    /// RFC 6376 §3.6.2.1. Those of destroyed keys too, as a wish: their records are to go.
    static func signingKeys(_ site: MailSite) -> [ZoneRecord] {
        (site.signingKeys ?? []).map { key in
            let text: String
            var place = ZoneRecord.Place.zone
            switch key.state {
            case "pending": text = "DKIM: a key that signs the domain's mail when this record is seen (RFC 6376)"
            case "retiring": text = "DKIM: a key that signs no more; what it signed is on its way until \(key.recordNeededUntil ?? "later")"
            case "revoked":
                text = "DKIM: this key is destroyed: remove its record, or publish it with an empty p= (RFC 6376 §3.6.1)"
                place = .suggestion
            default: text = "DKIM: a key that signs the domain's mail (RFC 6376)"
            }
            return ZoneRecord(name: key.name, type: "TXT", data: TextData.quoted(key.record), explanation: text, place: place)
        }
    }
}
