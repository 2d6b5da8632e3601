import MailModel
import Transport

// What the configuration means to Transport.
extension Configuration {
    /// The certificate that is made when none is configured; nil when one is, or TLS is off.
    func ownCertificate(in folder: DataFolder) -> OwnCertificate? {
        guard tls.enabled, tls.files == nil else { return nil }
        let names = hostname.value == "localhost" ? ["localhost"] : [hostname.value, "localhost"]
        return OwnCertificate(
            folder: folder.path + "/tls", place: .init(certificatePath: folder.certificatePath, keyPath: folder.certificateKeyPath), names: names,
            clock: SystemClock.now)
    }

    /// Where the certificate in use is, be it there or not; nil when TLS is off.
    var certificateFiles: CertificateShelf.Files? {
        guard tls.enabled else { return nil }
        guard let files = tls.files else {
            return CertificateShelf.Files(certificatePath: DataFolder.certificatePath(in: data), keyPath: DataFolder.certificateKeyPath(in: data))
        }
        return CertificateShelf.Files(certificatePath: files.certificate, keyPath: files.key)
    }

    /// Those that are configured, the first for who asks for no name; none where none is.
    var configuredFiles: [CertificateShelf.Files] {
        guard tls.enabled, let first = tls.files else { return [] }
        return ([first] + tls.otherFiles).map { CertificateShelf.Files(certificatePath: $0.certificate, keyPath: $0.key) }
    }

    /// Nil when TLS is off. `own`: where none is configured; it is made, or made anew, when that is due.
    func certificates(_ own: OwnCertificate?) throws -> CertificateShelf? {
        guard tls.enabled else { return nil }
        let policy = try tlsPolicy()
        try checkClientAuthorities()
        do {
            if let own {
                _ = try own.renew()
                // Until a CA has issued one, whose place no file takes again.
                if issuing != nil {
                    return try CertificateShelf(
                        [TLSIdentity(certificatePath: own.place.certificatePath, keyPath: own.place.keyPath)], policy: policy,
                        clientAuthorities: tls.clientAuthorities)
                }
                return try CertificateShelf([own.place], policy: policy, clientAuthorities: tls.clientAuthorities)
            }
            return try CertificateShelf(configuredFiles, policy: policy, clientAuthorities: tls.clientAuthorities)
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
        for (place, files) in configuredFiles.enumerated() {
            do throws(TLSIdentity.Fault) { _ = try TLSIdentity(certificatePath: files.certificatePath, keyPath: files.keyPath) } catch {
                throw ConfigurationFault(
                    place: "certificate", name: place == 0 ? "tls.certificate" : "tls.certificates", problem: error.description,
                    remedy: "name a certificate and its key in PEM", device: error.device)
            }
        }
        try checkClientAuthorities()
    }

    /// Whether the program that changes the zone for a CA can be run, by who asks this.
    func checkHook() throws(ConfigurationFault) {
        guard let issuing, issuing.challenge == .dns01, let path = issuing.hook, let problem = HookProgram(path: path).problem else { return }
        throw ConfigurationFault(
            place: "acme", name: Setting.acmeHook.key, problem: problem, remedy: "name a program that the server's user may run")
    }

    private func checkClientAuthorities() throws(ConfigurationFault) {
        guard tls.enabled, let path = tls.clientAuthorities else { return }
        do throws(TLSIdentity.Fault) { try CertificateShelf.checkAuthorities(inFile: path) } catch {
            throw ConfigurationFault(
                place: "certificate", name: "tls.client-authorities", problem: error.description, remedy: "name root certificates in PEM", device: error.device)
        }
    }

    func doorkeeperLimits() throws(ConfigurationFault) -> Doorkeeper.Limits {
        var limits = Doorkeeper.Limits()
        limits.total = self.limits.connections
        limits.perAddress = self.limits.connectionsPerAddress
        limits.rate = self.limits.ratePerAddress
        limits.requests = self.limits.requestsPerAddress
        limits.window = .seconds(self.limits.rateWindow)
        limits.sweep = .seconds(self.limits.rateCleanup)
        // What stands between us and many is never many by itself.
        limits.proxies = listeners.map(\.proxies) + [web.proxies]
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
}

extension TLSIdentity.Fault {
    /// There is no such file.
    var isMissing: Bool { code.map { SystemFault("open", "a certificate", code: $0).isMissing } ?? false }

    /// The device's fault, where it is one.
    fileprivate var device: SystemFault? {
        let fault = code.map { SystemFault("read", "a certificate", code: $0) }
        return fault?.isOfDevice == true ? fault : nil
    }
}
