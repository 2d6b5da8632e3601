import Gatehouse
import MailModel
import Transport

/// What the program runs with, checked.
struct Configuration: Sendable {
    /// One address and port that a service listens on.
    struct Listener: Hashable, Sendable {
        let service: Service
        let address: String
        let port: Int
        /// Peers that begin with a PROXY header.
        var proxies: NetworkList = .none
        /// Whether clients are asked for a certificate.
        var clients: ClientCertificates = .off
    }

    struct TLS: Hashable, Sendable {
        var enabled: Bool
        /// Nil: a self-signed one in the data folder.
        var files: Files?
        /// Beside those, for those who ask for other names.
        var otherFiles: [Files] = []
        /// Of certificates that clients may show.
        var clientAuthorities: String?
        /// `TLS1.2` or `TLS1.3`.
        var minimum: String
        var ciphers: [String]

        struct Files: Hashable, Sendable {
            let certificate: String
            let key: String
        }
    }

    struct Limits: Hashable, Sendable {
        var messageSize: Int
        var recipients: Int
        /// 0: any number.
        var recipientsPerHour: Int
        var connections: Int
        var connectionsPerAddress: Int
        var ratePerAddress: Int
        var requestsPerAddress: Int
        /// 0: any number.
        var ratePerUser: Int
        /// Seconds.
        var rateWindow: Int
        var rateCleanup: Int
        var exempt: [String]
        var errors: Int
        var freeFloor: Int
        /// Of an account; 0: none.
        var quotaStorage: Int
        var quotaMessages: Int
    }

    struct Logging: Hashable, Sendable {
        var level: String
        var json: Bool
        var file: String?
    }

    /// There was no file: first accounts are made, and the screen explains itself.
    let isEmbedded: Bool
    let data: String
    let machine: Machine
    let hostname: Domain
    let domain: Domain?
    let listeners: [Listener]
    let tls: TLS
    /// Nil: no CA issues certificates.
    let issuing: Issuing?
    let limits: Limits
    /// Seconds.
    let compactionInterval: Int
    /// Seconds; 0: never.
    let scrubInterval: Int
    /// How much of accounts' change logs is kept.
    let changes: (days: Int, rows: Int)
    let allowsPlaintextOnLoopback: Bool
    let scram: SCRAMKeyring.Offer
    let acceptsCertificateLogins: Bool
    let allowsUnauthenticate: Bool
    let penalties: LoginPenalties.Settings
    let logging: Logging
    let outbound: Outbound
    let relay: Relay
    let trust: Trust
    /// Where programs of this machine hand in mail.
    let sendmailSocket: String
    /// Days for which it is kept what became of messages.
    let traceDays: Int
    let names: Names
    let reports: Reports
    let web: Web
}

extension Configuration {
    /// Checks what one key alone cannot show: pairs, files, and what must not be together.
    init(
        _ values: SettingValues, isEmbedded: Bool, readsCertificates: Bool = true, read: (String) throws(SystemFault) -> String
    ) throws(ConfigurationFault) {
        self.isEmbedded = isEmbedded
        data = Configuration.withoutFinalSlash(values.text(.data) ?? "./data")
        machine = try Machine(values)
        let name = values.text(.hostname) ?? SystemName.host()
        guard let hostname = Domain(name), !hostname.isLiteral else {
            throw values.origin(of: .hostname).fault(
                .hostname, "the machine's name \"\(name)\" is no domain name", Setting.hostname.kind.remedy)
        }
        self.hostname = hostname
        domain = values.text(.domain).flatMap { Domain($0) }
        tls = try Configuration.tls(values) { path throws(SystemFault) in readsCertificates ? try read(path) : nil }
        listeners = try Configuration.listeners(values, tls, isEmbedded: isEmbedded)
        issuing = try Issuing.read(values, hostname: hostname, tls: tls, listeners: listeners, read)
        limits = Limits(
            messageSize: values.number(.messageSize) ?? 0, recipients: values.number(.recipients) ?? 0,
            recipientsPerHour: values.number(.recipientsPerHour) ?? 0,
            connections: values.number(.connections) ?? 0,
            connectionsPerAddress: values.number(.connectionsPerAddress) ?? 0,
            ratePerAddress: values.number(.ratePerAddress) ?? 0, requestsPerAddress: values.number(.requestsPerAddress) ?? 0,
            ratePerUser: values.number(.ratePerUser) ?? 0, rateWindow: values.number(.rateWindow) ?? 0,
            rateCleanup: values.number(.rateCleanup) ?? 0, exempt: values.list(.exempt),
            errors: values.number(.errors) ?? 0, freeFloor: values.number(.freeFloor) ?? 0,
            quotaStorage: values.number(.quotaStorage) ?? 0, quotaMessages: values.number(.quotaMessages) ?? 0)
        compactionInterval = values.number(.compactionInterval) ?? 600
        scrubInterval = values.number(.scrubInterval) ?? 2_592_000
        changes = (values.number(.changesDays) ?? 30, values.number(.changesRows) ?? 1_000_000)
        allowsPlaintextOnLoopback = values.toggle(.plaintextOnLoopback)
        scram = values.text(.scram).flatMap { SCRAMKeyring.Offer(rawValue: $0) } ?? .auto
        acceptsCertificateLogins = values.text(.certificateLogins) == "address"
        allowsUnauthenticate = values.toggle(.unauthenticate)
        penalties = LoginPenalties.Settings(values)
        logging = Logging(
            level: values.text(.logLevel) ?? "info", json: values.toggle(.logJSON), file: values.text(.logFile))
        outbound = try Outbound(values, hostname: hostname, read: read)
        relay = try Relay(values)
        trust = try Trust(values, isOutboundEnabled: outbound.enabled)
        sendmailSocket = values.text(.sendmailSocket) ?? data + "/sendmail.sock"
        traceDays = values.number(.traceDays) ?? 30
        names = try Names(values, read: read)
        reports = try Reports(values)
        web = try Web(values, hostname: hostname, listeners: listeners)
    }

    private static func withoutFinalSlash(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return String(path)
    }

    private static func listeners(_ values: SettingValues, _ tls: TLS, isEmbedded: Bool) throws(ConfigurationFault) -> [Listener] {
        var listeners: [Listener] = []
        let offset = values.number(.portOffset) ?? 0
        for service in Service.allCases where values.toggle(.enabled(service)) {
            let clients = try clients(of: service, values, tls)
            // Without TLS there is nothing to listen for where TLS comes first; who asks for it is told.
            if service.isImplicitTLS, !tls.enabled {
                let origin = values.origin(of: .enabled(service))
                if origin == .standard || isEmbedded && origin.isOfFile { continue }
                throw origin.fault(
                    .enabled(service), "is true, and TLS is off (tls.enabled), without which \(service.rawValue) is not served",
                    "set tls.enabled to true, or this to false")
            }
            let own = values.list(.addresses(service))
            let port = values.number(.port(service)) ?? service.standardPort + offset
            let proxies = try proxies(of: service, values)
            for address in own.isEmpty ? values.list(.listenAddresses) : own {
                if !tls.enabled, !service.isOpen, !IPText.isLoopback(address) {
                    throw values.origin(of: .tlsEnabled).fault(
                        .tlsEnabled, "TLS is off, and \(service.rawValue) listens on \(address)",
                        "switch it on, or listen on 127.0.0.1 and ::1 only")
                }
                let listener = Listener(service: service, address: address, port: port, proxies: proxies, clients: clients)
                if let other = listeners.first(where: { $0.port == port && $0.address == address }) {
                    throw values.origin(of: .port(service)).fault(
                        .port(service), "\(address) port \(port) is \(other.service.rawValue)'s already",
                        "give another port")
                }
                listeners.append(listener)
            }
        }
        return listeners
    }

    private static func proxies(of service: Service, _ values: SettingValues) throws(ConfigurationFault) -> NetworkList {
        try networks(values.list(.proxies(service)).isEmpty ? Setting.listenProxies : .proxies(service), values)
    }

    private static func clients(of service: Service, _ values: SettingValues, _ tls: TLS) throws(ConfigurationFault) -> ClientCertificates {
        let setting = Setting.clientCertificates(service)
        guard let clients = values.text(setting).flatMap({ ClientCertificates(rawValue: $0) }), clients != .off else { return .off }
        guard tls.enabled else { throw values.origin(of: setting).fault(setting, "is \(clients.rawValue), and TLS is off", "set it to off") }
        guard tls.clientAuthorities != nil else {
            throw values.origin(of: setting).fault(
                setting, "is \(clients.rawValue), and nobody is named whose certificates they are", "set tls.client-authorities too")
        }
        return clients
    }

    static func networks(_ setting: Setting, _ values: SettingValues) throws(ConfigurationFault) -> NetworkList {
        do { return try NetworkList(values.list(setting).joined(separator: ",")) } catch {
            throw values.origin(of: setting).fault(setting, error.description, setting.kind.remedy)
        }
    }

    /// - parameter read: answers nil where files are not to be looked at.
    private static func tls(
        _ values: SettingValues, _ read: (String) throws(SystemFault) -> String?
    ) throws(ConfigurationFault) -> TLS {
        var tls = TLS(
            enabled: values.toggle(.tlsEnabled), files: nil, minimum: values.text(.tlsMinimum) ?? "TLS1.2",
            ciphers: values.list(.tlsCiphers))
        guard tls.enabled else { return tls }
        if let path = values.text(.tlsClientAuthorities) {
            try check(.tlsClientAuthorities, path, holds: "CERTIFICATE-----", values, read)
            tls.clientAuthorities = path
        }
        switch (values.text(.tlsCertificate), values.text(.tlsKey)) {
        case (nil, nil): break
        case (.some, nil):
            throw values.origin(of: .tlsCertificate).fault(.tlsCertificate, "has no key beside it", "set tls.key too")
        case (nil, .some):
            throw values.origin(of: .tlsKey).fault(.tlsKey, "has no certificate beside it", "set tls.certificate too")
        case (let certificate?, let key?):
            try check(.tlsCertificate, certificate, holds: "CERTIFICATE-----", values, read)
            try check(.tlsKey, key, holds: "PRIVATE KEY-----", values, read)
            tls.files = TLS.Files(certificate: certificate, key: key)
        }
        for pair in try values.items(.tlsCertificates, { text throws(ItemFault) in try CertificatePairItem(text) }) {
            guard tls.files != nil else {
                let remedy = values.toggle(.acmeEnabled) ? "leave it out, or set acme.enabled to false" : "set tls.certificate and tls.key too"
                throw values.origin(of: .tlsCertificates).fault(.tlsCertificates, "has certificates beside none", remedy)
            }
            // Their files are looked at by who serves them: one that cannot be used keeps none of the others from being served.
            tls.otherFiles.append(TLS.Files(certificate: pair.certificate, key: pair.key))
        }
        return tls
    }

    private static func check(
        _ setting: Setting, _ path: String, holds mark: String, _ values: SettingValues,
        _ read: (String) throws(SystemFault) -> String?
    ) throws(ConfigurationFault) {
        let remedy = "name a PEM file that this user can read"
        do {
            guard try read(path)?.contains(mark) ?? true else {
                throw values.origin(of: setting).fault(
                    setting, "\(path) holds no \(mark.dropLast(5).lowercased())", remedy)
            }
        } catch let fault as ConfigurationFault {
            throw fault
        } catch let fault as SystemFault {
            throw values.origin(of: setting).fault(setting, "\(path) cannot be read: \(fault.reason)", remedy)
        } catch {
            throw values.origin(of: setting).fault(setting, "\(path): \(error)", remedy)
        }
    }
}
