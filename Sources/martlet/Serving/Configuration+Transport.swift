import Glibc
import MailModel
import Transport

// What the configuration means to Transport.
extension Configuration {
    /// Nil when TLS is off. A self-signed certificate is made in the folder when none is configured.
    func certificates(in folder: DataFolder) throws -> CertificateShelf? {
        guard tls.enabled else { return nil }
        let policy = try tlsPolicy()
        do {
            return try CertificateShelf([try place(in: folder)], policy: policy)
        } catch let fault as TLSIdentity.Fault {
            throw ConfigurationFault(
                place: "certificate", name: "tls.certificate", problem: fault.description,
                remedy: "name a certificate and its key in PEM", device: fault.device)
        }
    }

    /// What `config check` can see of a certificate without a data folder: whether the files are a pair, and the suites known.
    func checkCertificate() throws(ConfigurationFault) {
        guard tls.enabled else { return }
        _ = try tlsPolicy()
        guard let files = tls.files else { return }
        do {
            _ = try TLSIdentity(certificatePath: files.certificate, keyPath: files.key)
        } catch {
            throw ConfigurationFault(
                place: "certificate", name: "tls.certificate", problem: error.description,
                remedy: "name a certificate and its key in PEM", device: error.device)
        }
    }

    func doorkeeperLimits() throws(ConfigurationFault) -> Doorkeeper.Limits {
        var limits = Doorkeeper.Limits()
        limits.total = self.limits.connections
        limits.perAddress = self.limits.connectionsPerAddress
        limits.rate = self.limits.ratePerAddress
        limits.window = .seconds(self.limits.rateWindow)
        limits.sweep = .seconds(self.limits.rateCleanup)
        do {
            limits.exempt = try NetworkList(self.limits.exempt.joined(separator: ","))
        } catch {
            throw ConfigurationFault(
                place: "limits", name: "limits.exempt", problem: error.description, remedy: Setting.exempt.kind.remedy)
        }
        return limits
    }

    private func tlsPolicy() throws(ConfigurationFault) -> TLSPolicy {
        do {
            return try TLSPolicy(ciphers: tls.ciphers.joined(separator: ":"), isNewestOnly: tls.minimum == "TLS1.3")
        } catch {
            throw ConfigurationFault(
                place: "tls", name: "tls.ciphers", problem: error.description,
                remedy: "give names of that list, or none")
        }
    }

    private func place(in folder: DataFolder) throws -> CertificateShelf.Place {
        if let files = tls.files { return .init(certificatePath: files.certificate, keyPath: files.key) }
        let place = CertificateShelf.Place(certificatePath: folder.certificatePath, keyPath: folder.certificateKeyPath)
        do {
            if try TLSIdentity(certificatePath: place.certificatePath, keyPath: place.keyPath).notAfter > SystemClock.now() { return place }
        } catch {
            // One is made where there is none, or it broke off while it was made; one that cannot be read is left alone.
            guard error.code == nil || error.code == ENOENT || error.code == ENOTDIR else { throw error }
        }
        try makeCertificate(at: place, in: folder)
        return place
    }

    private func makeCertificate(at place: CertificateShelf.Place, in folder: DataFolder) throws {
        let tls = folder.path + "/tls"
        if mkdir(tls, 0o700) != 0, errno != EEXIST { throw SystemFault("make", tls) }
        for path in [place.certificatePath, place.keyPath] where unlink(path) != 0 && errno != ENOENT {
            throw SystemFault("replace", path)
        }
        let names = hostname.value == "localhost" ? ["localhost"] : [hostname.value, "localhost"]
        let made = try SelfSignedCertificate.make(
            hostNames: names, addresses: ["127.0.0.1", "::1"], now: SystemClock.now())
        try TextFile.create(place.keyPath, made.keyPEM, mode: 0o600)
        try TextFile.create(place.certificatePath, made.certificatePEM, mode: 0o600)
    }
}

extension TLSIdentity.Fault {
    /// The device's fault, where it is one.
    fileprivate var device: SystemFault? {
        let fault = code.map { SystemFault("read", "a certificate", code: $0) }
        return fault?.isOfDevice == true ? fault : nil
    }
}
