import Glibc
import Logging
import MailModel
import Transport

/// The self-signed certificate that lies in the data folder: made at the first start, and again with the same key 30 days before it ends, so that who has
/// noted the key need not be asked again.
struct OwnCertificate: Sendable {
    /// Made with mode 0700 when it is not there.
    let folder: String
    let place: CertificateShelf.Files
    let names: [String]
    let clock: Timestamp.Clock

    /// Makes the certificate, with a key where there is none yet, or the certificate anew where it is due; whether it did.
    /// Throws `TLSIdentity.Fault` for files that cannot be read: they are left alone.
    func renew() throws -> Bool {
        do {
            let identity = try TLSIdentity(certificatePath: place.certificatePath, keyPath: place.keyPath)
            guard identity.notAfter.rawValue - clock().rawValue < SelfSignedCertificate.renewal else { return false }
            try make(keyPEM: TextFile.read(place.keyPath))
        } catch let fault as TLSIdentity.Fault {
            // One is made where there is none, or it broke off while it was made; one that cannot be read is left alone.
            guard fault.code == nil || fault.code == ENOENT || fault.code == ENOTDIR else { throw fault }
            try make(keyPEM: nil)
        }
        return true
    }

    /// Looks every few hours whether it is due, and lays it on the shelf: connections that begin then are shown the new one. Until it is cancelled.
    func keepRenewed(
        on shelf: CertificateShelf, every interval: Duration = .seconds(6 * 3_600), log: Logger,
        pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) async {
        while true {
            do {
                try await pause(interval)
                // catch: cancelled: the server stops.
            } catch {
                return
            }
            do {
                guard try renew() else { continue }
                try shelf.reload()
                log.notice("The self-signed certificate was made anew, with the same key, for another 365 days")
            } catch {
                log.error("The self-signed certificate could not be made anew: \(error)")
            }
        }
    }

    private func make(keyPEM: String?) throws {
        if mkdir(folder, 0o700) != 0, errno != EEXIST { throw SystemFault("make", folder) }
        let made = try SelfSignedCertificate.make(hostNames: names, addresses: ["127.0.0.1", "::1"], keyPEM: keyPEM, now: clock())
        if keyPEM == nil {
            try remove(place.certificatePath)
            try put(place.keyPath, made.keyPEM)
        }
        try put(place.certificatePath, made.certificatePEM)
    }

    /// In one step: nobody reads half of it, and what breaks off leaves what was there.
    private func put(_ path: String, _ text: String) throws {
        let draft = path + ".new"
        try remove(draft)
        try TextFile.create(draft, text, mode: 0o600)
        guard rename(draft, path) == 0 else { throw SystemFault("replace", path) }
    }

    private func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemFault("replace", path) }
    }
}
