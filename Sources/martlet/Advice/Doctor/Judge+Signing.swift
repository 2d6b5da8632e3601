import PostOffice

extension Judge {
    /// Bits below which a key of RSA is short (RFC 8301 §3.2).
    private static let fewestBits = 2_048

    static func signing(_ facts: DomainFacts) -> [Finding] {
        let site = facts.site
        guard let keys = site.signingKeys else { return [] }
        let domain = site.domain.value
        let show = "martlet dns records \(domain) prints what to publish"
        guard keys.contains(where: { $0.state != "revoked" }) else {
            return [
                Finding(.dkimNone, domain, "it has no key to sign its mail with, and large providers doubt such mail", fix: "martlet dkim generate \(domain)")
            ]
        }
        var findings: [Finding] = []
        let isUnused = !keys.contains { $0.state == "active" }
        if isUnused {
            findings.append(Finding(.dkimUnused, domain, "none of its keys signs", fix: "\(show); then martlet dkim rotate \(domain)"))
        }
        for key in keys {
            if key.state == "active", key.algorithm.hasPrefix("rsa"), let bits = key.bits, bits < fewestBits {
                findings.append(
                    Finding(.dkimShort, key.name, "its key has \(bits) bits, and some verifiers want \(fewestBits)", fix: "martlet dkim rotate \(domain)"))
            }
            guard case .success(let answer)? = facts.signing[key.selector] else { continue }
            findings += signing(key, KeyPublication(answer.records, record: key.record), isUnused: isUnused, show)
        }
        return findings
    }

    private static func signing(_ key: SigningKeyLine, _ publication: KeyPublication, isUnused: Bool, _ show: String) -> [Finding] {
        switch (key.state, publication) {
        case ("revoked", .absent), ("active", .published), ("retiring", .published): []
        case ("revoked", _): [Finding(.dkimRetired, key.name, "its key is destroyed, and its record is there", fix: "remove it, or empty its p=")]
        case (_, .differs(let reason)):
            [Finding(.dkimDiffers, key.name, "its record is not the key's: \(reason)", fix: "correct it: \(show)")]
        case ("pending", .absent): isUnused ? [] : [Finding(.dkimPending, key.name, "the key waits for its record", fix: show)]
        case ("pending", _):
            isUnused
                ? []
                : [Finding(.dkimPending, key.name, "its record is there, and the key does not sign yet", fix: "martlet dkim rotate \(key.domain)")]
        case ("retiring", _):
            [
                Finding(
                    .dkimMissing, key.name, "the record of a key is gone that has signed until \(key.since): what is still on its way cannot be verified",
                    fix: "publish it until \(key.recordNeededUntil ?? "it is destroyed"): \(show)")
            ]
        default: [Finding(.dkimMissing, key.name, "the key signs, and its record is not there: nobody can verify it", fix: "publish it: \(show)")]
        }
    }
}
