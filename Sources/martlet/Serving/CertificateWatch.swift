import Glibc
import Logging
import MailModel
import Transport

/// Reads the files of certificates again when they have changed, and says once a day which certificates in use end soon.
struct CertificateWatch: Sendable {
    let shelf: CertificateShelf
    /// None: the certificates are in no files.
    let files: [CertificateShelf.Files]
    /// A file of authorities; nil: there is none.
    var clientAuthorities: String?
    let clock: Timestamp.Clock
    let log: Logger

    /// What tells one state of a file from another.
    private struct Stamp: Equatable {
        let device: dev_t
        let number: ino_t
        let octets: Int
        let changed: [Int]
    }

    /// Seconds: what has less left is named, or less than a fifth of its life where that is shorter.
    private static let soon: Int64 = 14 * 86_400
    private static let day: Int64 = 86_400

    /// Until its task is cancelled.
    /// - parameter pause: returns after that time; throws where its task is cancelled.
    func keep(every interval: Duration = .seconds(60), pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }) async {
        var seen = stamps()
        // What could not be used at the start is tried again too.
        var isBad = !shelf.faults.isEmpty
        var told = Timestamp(rawValue: .min)
        while !Task.isCancelled {
            if clock().rawValue - CertificateWatch.day >= told.rawValue {
                told = clock()
                warn()
            }
            do {
                try await pause(interval)
                // catch: cancelled: the server stops.
            } catch {
                return
            }
            // Before they are read: what changes meanwhile is read again.
            let now = stamps()
            guard now != seen || isBad else { continue }
            do {
                try shelf.reload()
                isBad = false
                log.notice("The files of certificates have changed, and are read again")
            } catch {
                // It is tried again, and said once.
                if now != seen { log.error("The files of certificates have changed and cannot be used; what was read before stays in use: \(error)") }
                isBad = true
            }
            seen = now
        }
    }

    /// Of all files; nil: it cannot be looked at.
    private func stamps() -> [Stamp?] {
        (files.flatMap { [$0.certificatePath, $0.keyPath] } + [clientAuthorities].compactMap(\.self)).map { path in
            var facts = stat()
            guard stat(path, &facts) == 0 else { return nil }
            return Stamp(device: facts.st_dev, number: facts.st_ino, octets: Int(facts.st_size), changed: [facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec])
        }
    }

    private func warn() {
        let now = clock()
        for identity in shelf.identities {
            let left = identity.notAfter.rawValue - now.rawValue
            guard left < min(CertificateWatch.soon, (identity.notAfter.rawValue - identity.notBefore.rawValue) / 5) else { continue }
            let facts: Logger.Metadata = ["certificate": "\(identity)", "until": "\(identity.notAfter)"]
            if left > 0 {
                log.warning("A certificate in use ends in \(left / CertificateWatch.day) days", metadata: facts)
            } else {
                log.error("A certificate in use has ended", metadata: facts)
            }
        }
    }
}
