import MailModel
import Transport

extension Judge {
    static func certificate(_ facts: CertificateFacts) -> [Finding] {
        return keyFile(facts) + sight(facts)
    }

    private static func keyFile(_ facts: CertificateFacts) -> [Finding] {
        // Others than its user and group.
        guard let key = facts.key, key.mode & 0o007 != 0 else { return [] }
        return [
            Finding(
                .tlsKeyOpen, key.path, "others may read or change it (mode \(String(key.mode & 0o777, radix: 8))): it is the key of \(facts.path)",
                fix: "chmod o= \(key.path); if others can have read it, have another certificate with another key")
        ]
    }

    private static func sight(_ facts: CertificateFacts) -> [Finding] {
        switch facts.sight {
        case .off: return [Finding(.tlsOff, "tls.enabled", "it is false: mail and passwords are in the clear", fix: "switch it on")]
        case .notMade:
            return [
                Finding(.tlsNotMade, facts.path, "there is no certificate yet", fix: "start the server, which makes one, or set tls.certificate and tls.key")
            ]
        case .unusable(let reason):
            return [
                Finding(.tlsUnusable, facts.path, reason, fix: "name a certificate with its chain and the key of it, in PEM, that the server's user may read")
            ]
        case .there(let leaf): return lifetime(leaf, facts) + trust(leaf, facts) + names(leaf, facts) + use(leaf, facts)
        }
    }

    private static func lifetime(_ leaf: CertificateFacts.Leaf, _ facts: CertificateFacts) -> [Finding] {
        let left = leaf.notAfter.rawValue - facts.now.rawValue
        let renew = facts.isOwn ? "start the server, which makes another" : "renew it, and send the server SIGHUP"
        if left <= 0 { return [Finding(.tlsExpired, facts.path, "it expired at \(leaf.notAfter)", fix: renew)] }
        if leaf.notBefore > facts.now {
            return [Finding(.tlsEarly, facts.path, "it is not valid before \(leaf.notBefore)", fix: "look at the clock, or use another")]
        }
        if left < 7 * 86_400 { return [Finding(.tlsExpiresNow, facts.path, "it expires at \(leaf.notAfter)", fix: renew)] }
        if left < 30 * 86_400 { return [Finding(.tlsExpiresSoon, facts.path, "it expires at \(leaf.notAfter)", fix: renew)] }
        return []
    }

    private static func trust(_ leaf: CertificateFacts.Leaf, _ facts: CertificateFacts) -> [Finding] {
        switch leaf.trust {
        case .vouched: return []
        case .selfSigned:
            return [
                Finding(
                    .tlsSelfSigned, facts.path, "it is self-signed: mail programs complain, and some refuse",
                    fix: "have one issued (acme.enabled), or get one of an authority and set tls.certificate and tls.key")
            ]
        case .incomplete(let issuer):
            return [
                Finding(
                    .tlsIncomplete, facts.path, "the file lacks the certificate of \(issuer), which signed what is in it",
                    fix: "name the file with the whole chain (certbot: fullchain.pem)")
            ]
        case .unknownRoot(let root):
            return [
                Finding(
                    .tlsUnknownRoot, facts.path, "it comes from \(root), which this system does not know, and mail programs may not either",
                    fix: "have clients trust that authority, or get a certificate of another")
            ]
        case .refused(let reason):
            // Its dates are told already.
            guard leaf.notBefore <= facts.now, facts.now < leaf.notAfter else { return [] }
            return [Finding(.tlsRefused, facts.path, "its chain does not hold: \(reason)", fix: "get it anew, with its whole chain")]
        }
    }

    private static func names(_ leaf: CertificateFacts.Leaf, _ facts: CertificateFacts) -> [Finding] {
        guard !leaf.uncovered.isEmpty else { return [] }
        return [
            Finding(
                .tlsNames, facts.path, "it is not for \(leaf.uncovered.joined(separator: ", "))",
                fix: "get one that has all names by which the server is reached, or correct hostname")
        ]
    }

    private static func use(_ leaf: CertificateFacts.Leaf, _ facts: CertificateFacts) -> [Finding] {
        guard leaf.isShown else {
            return [
                Finding(
                    .tlsUnshown, facts.path, "it is never shown: the certificates before it in tls.certificate and tls.certificates have all its names",
                    fix: "leave it out, or get one with the names that it is for")
            ]
        }
        guard leaf.isInUse == false else { return [] }
        return [
            Finding(.tlsNotLoaded, facts.path, "the running server shows another certificate than is in the file", fix: "send it SIGHUP, after each renewal")
        ]
    }

    static func disk(_ facts: DiskFacts) -> [Finding] {
        var findings: [Finding] = []
        let clear = "make room, or move the data folder to a larger disk"
        if facts.free < facts.floor {
            findings.append(
                Finding(
                    .diskFull, facts.path, "\(octets(facts.free)) are free, and below \(octets(facts.floor)) (limits.free-floor) mail is refused", fix: clear))
        } else if facts.free < facts.floor.addingReportingOverflow(facts.floor).partialValue || facts.free < facts.total / 20 {
            findings.append(Finding(.diskLow, facts.path, "\(octets(facts.free)) of \(octets(facts.total)) are free", fix: clear))
        }
        if facts.files > 0, facts.freeFiles < facts.files / 100 {
            findings.append(
                Finding(
                    .diskFilesLow, facts.path, "\(facts.freeFiles) of \(facts.files) files (inodes) are left",
                    fix: "remove files, or use a file system with more"))
        }
        if facts.isMemory {
            findings.append(Finding(.diskMemory, facts.path, "its file system is in memory", fix: "move the data folder to a disk"))
            return findings
        }
        let syncs = facts.syncs.sorted()
        guard !syncs.isEmpty else { return findings }
        let median = syncs[syncs.count / 2]
        if median < shortestSync {
            findings.append(
                Finding(
                    .diskHasty, facts.path,
                    "it says after \(median) µs that data are safe, which few disks can: a cache that a power cut empties may say so",
                    fix: "see that write caches are off or have a battery, and that a virtual disk passes flushes on (not cache=unsafe, not eatmydata)"))
        } else if median > longestSync {
            findings.append(
                Finding(
                    .diskSlow, facts.path, "it takes \(median / 1_000) ms to make a few octets safe, and every message waits for that", fix: "use a faster disk"
                ))
        } else if let rate = facts.rate, rate < slowestRate {
            findings.append(Finding(.diskSlow, facts.path, "it writes \(octets(rate)) a second", fix: "use a faster disk, or see what else writes to it"))
        }
        return findings
    }

    /// Microseconds. Good disks with a cache that survives need some tens.
    static let shortestSync = 10
    static let longestSync = 100_000
    /// Octets a second.
    static let slowestRate: Int64 = 4 << 20

    static func folder(_ facts: FolderFacts) -> [Finding] {
        guard let mode = facts.folder.mode else {
            return [Finding(.folderMissing, facts.folder.path, "there is no data folder", fix: "martlet init makes it; set another with MARTLET_DATA")]
        }
        var findings: [Finding] = []
        func look(_ entry: FolderFacts.Entry, _ mode: UInt32, _ wanted: String) {
            if entry.owner != facts.user, !facts.isServed, facts.user != 0 || entry.path == facts.folder.path {
                findings.append(
                    Finding(
                        .folderForeign, entry.path, "it belongs to user \(entry.owner), and this runs as user \(facts.user)",
                        fix: "run as that user, or chown it"))
            }
            if mode & 0o077 != 0 {
                findings.append(
                    Finding(.folderOpen, entry.path, "others may look into it (mode \(String(mode & 0o777, radix: 8)))", fix: "chmod \(wanted) \(entry.path)"))
            }
        }
        look(facts.folder, mode, "700")
        if let mode = facts.key.mode {
            look(facts.key, mode, "600")
            if facts.key.path.hasPrefix(facts.folder.path + "/") {
                findings.append(
                    Finding(
                        .keyWithData, facts.key.path, "it lies in the data folder: who copies or steals that has both",
                        fix: "move it to another volume, and set master-key"))
            }
        } else {
            findings.append(Finding(.keyMissing, facts.key.path, "it is missing, and without it nothing can be read", fix: "put it back from your backup"))
        }
        return findings
    }

    static func clock(_ facts: ClockFacts) -> [Finding] {
        facts.isKept
            ? []
            : [
                Finding(
                    .clockUnseen, "clock", "whether it is right: the system does not say that anything keeps it",
                    fix: "timedatectl, or chronyc tracking; have chrony or systemd-timesyncd run")
            ]
    }

    static func limits(_ facts: LimitFacts) -> [Finding] {
        guard facts.files < facts.connections else { return [] }
        return [
            Finding(
                .filesFew, "limits.connections", "\(facts.connections) connections are allowed, and only \(facts.files) files may be open",
                fix: "raise the limit (ulimit -n; systemd: LimitNOFILE), or lower limits.connections")
        ]
    }

    static func octets(_ count: Int64) -> String { QueueTable.octets(Int(clamping: count)) + (count < 1_024 ? " octets" : "") }
}
