import Transport

// The table of all keys. The README's table, `config check` and the names in the environment come from here.
extension Setting {
    static let data = Setting(
        "data", .path, standard: "/var/lib/martlet", aliases: [Alias("SMTP_DB_PATH", meansFolder: true)],
        help: "The data folder, mode 0700")
    static let hostname = Setting(
        "hostname", .domain, standardNote: "the machine's name",
        help: "The name that greetings and `Received:` lines give")
    static let domain = Setting(
        "domain", .domain, standardNote: "the first domain made", help: "The domain of a login name without `@`")
    static let portOffset = Setting(
        "port-offset", .number(0...60000), standard: "0", help: "Added to each service's standard port")

    static let listenAddresses = Setting(
        "listeners.addresses", .addresses, standard: "127.0.0.1",
        help: "Where services listen that have no addresses of their own; `0.0.0.0` and `::` for everywhere")
    static let listenProxies = Setting(
        "listeners.proxies", .networks, standardNote: "none",
        help:
            "Addresses and networks of proxies such as HAProxy that pass connections on, where a listener has none of its own: each connection of theirs begins with a PROXY header (version 1 or 2), which says whose it is; nobody else's header is believed"
    )
    static func enabled(_ service: Service) -> Setting {
        Setting(
            "listeners.\(service.rawValue).enabled", .toggle, standard: String(!service.isWeb),
            help: service.summary + (service.isWeb ? ". On in the embedded default" : ""))
    }
    static func addresses(_ service: Service) -> Setting {
        Setting(
            "listeners.\(service.rawValue).addresses", .addresses, standardNote: "`listeners.addresses`",
            help: "Where this service listens")
    }
    static func proxies(_ service: Service) -> Setting {
        Setting(
            "listeners.\(service.rawValue).proxies", .networks, standardNote: "`listeners.proxies`",
            help: "Proxies that begin with a PROXY header here")
    }
    /// Of a service that has TLS.
    static func clientCertificates(_ service: Service) -> Setting {
        Setting(
            "listeners.\(service.rawValue).client-certificates", .choice(ClientCertificates.allCases.map(\.rawValue)),
            standard: ClientCertificates.off.rawValue,
            help: "Whether clients are asked for a certificate of `tls.client-authorities` here: `ask` lets in who has none, `require` does not")
    }
    static func port(_ service: Service) -> Setting {
        Setting(
            "listeners.\(service.rawValue).port", .number(1...65535),
            standardNote: "\(service.standardPort) + `port-offset`",
            help: "This service's port")
    }

    static let tlsEnabled = Setting(
        "tls.enabled", .toggle, standard: "true", aliases: [Alias("SMTP_ENABLE_TLS")],
        help: "Off is refused unless every listener is on loopback")
    static let tlsCertificate = Setting(
        "tls.certificate", .path, aliases: [Alias("SMTP_TLS_CERT"), Alias("TLS_CERT_PATH")],
        standardNote: "a self-signed one, made in the data folder",
        help: "PEM file: the certificate and the chain behind it. Read again when it changes, and at SIGHUP")
    static let tlsKey = Setting(
        "tls.key", .path, aliases: [Alias("SMTP_TLS_KEY"), Alias("TLS_KEY_PATH")],
        standardNote: "made with the certificate", help: "PEM file: the certificate's private key")
    static let tlsCertificates = Setting(
        "tls.certificates", .items(CertificatePairItem.form), standardNote: "none",
        help: "Further certificates and keys, for those who ask for a name that `tls.certificate` is not for: `CERTIFICATE:KEY`, two PEM files")
    static let tlsClientAuthorities = Setting(
        "tls.client-authorities", .path, standardNote: "none",
        help: "PEM file: the root certificates of authorities whose certificates clients may show. Read again when it changes, and at SIGHUP")
    static let tlsMinimum = Setting(
        "tls.min-version", .choice(["TLS1.2", "TLS1.3"]), standard: "TLS1.2", aliases: [Alias("TLS_MIN_VERSION")],
        help: "The oldest TLS version spoken")
    static let tlsCiphers = Setting(
        "tls.ciphers", .suites, aliases: [Alias("TLS_CIPHERS")], standardNote: "ECDHE with AES-GCM or ChaCha20",
        help: "TLS 1.2 suites, by IANA or OpenSSL names; only ECDHE with AEAD is accepted")

    static let messageSize = Setting(
        "limits.message-size", .octets(65536...(1 << 30)), standard: "50M", help: "The largest message, in octets")
    static let recipients = Setting(
        "limits.recipients", .number(100...100_000), standard: "1000",
        help: "Recipients a message (RFC 5321 asks for 100)")
    static let recipientsPerHour = Setting(
        "limits.recipients-per-hour", .number(0...10_000_000), standard: "1000",
        help: "Recipients of other servers an account writes to in an hour; beyond them its mail is held until an administrator releases it; 0: any number")
    static let connections = Setting(
        "limits.connections", .number(1...1_000_000), standard: "20000",
        help: "Connections at the same time, all services together")
    static let connectionsPerAddress = Setting(
        "limits.connections-per-address", .number(1...1_000_000), standard: "200",
        help: "Connections at the same time from one address")
    static let ratePerAddress = Setting(
        "limits.rate-per-address", .number(1...1_000_000), standard: "100",
        help: "New connections from one address in a window")
    static let requestsPerAddress = Setting(
        "limits.requests-per-address", .number(1...1_000_000), standard: "100",
        help: "Requests by HTTP from one address in a window; ten times as many for `/health`, `/metrics` and what a CA looks at")
    static let ratePerUser = Setting(
        "limits.rate-per-user", .number(0...1_000_000), standard: "200",
        help: "Logins and messages handed in, together, of one user in a window; 0: any number")
    static let rateWindow = Setting(
        "limits.rate-window", .number(1...86_400), standard: "60",
        help: "Seconds of the window in which `limits.rate-per-address`, `limits.requests-per-address` and `limits.rate-per-user` count")
    static let rateCleanup = Setting(
        "limits.rate-cleanup", .number(1...86_400), standard: "300",
        help: "Seconds after which addresses that came no more are forgotten")
    static let exempt = Setting(
        "limits.exempt", .networks, standard: "127.0.0.0/8,::1/128",
        help: "Addresses and networks that the limits by address do not hold for; empty: none")
    static let errors = Setting(
        "limits.errors", .number(1...10_000), standard: "20", help: "Errors in one SMTP session before it is closed")
    static let freeFloor = Setting(
        "limits.free-floor", .octets(0...(1 << 44)), standard: "256M",
        help: "Mail is answered 452 while less than this is free on the data folder's disk")

    static let quotaStorage = Setting(
        "limits.quota-storage", .octets(0...(1 << 50)), standard: "0",
        help: "Octets of mail an account may hold that has no quota of its own; 0: as many as there is room for")
    static let quotaMessages = Setting(
        "limits.quota-messages", .number(0...4_000_000_000), standard: "0",
        help: "Messages an account may hold that has no quota of its own; 0: no limit")

    static let compactionInterval = Setting(
        "store.compaction-interval", .number(1...604_800), standard: "600",
        help: "Seconds between looks for files of which over half is dead, whose live rest is moved together")

    static let scrubInterval = Setting(
        "store.scrub-interval", .number(0...31_536_000), standard: "2592000",
        help: "Seconds within which everything stored is read once and what is damaged is told in the log; 0: never")

    static let changesDays = Setting(
        "changes.keep-days", .number(1...36_500), standard: "30",
        help: "Days for which an account's changes are kept for clients that were away; those that were away longer read everything anew")
    static let changesRows = Setting(
        "changes.keep-rows", .number(1_000...1_000_000_000), standard: "1000000",
        help: "Changes of an account that are kept at most, however young they are")

    static let plaintextOnLoopback = Setting(
        "auth.plaintext-on-loopback", .toggle, standard: "false", help: "Logins without TLS from this machine itself")

    static let scram = Setting(
        "auth.scram", .choice(["auto", "on", "off"]), standard: "auto",
        help:
            "SCRAM-SHA-256, which sends no password, and its form that is bound to the connection: `auto` offers it once every enabled account has keys for it, which are made when a password is set, and at an account's next login with its password, and while there are no app passwords, which have none; `on` at once, and accounts without keys log in otherwise; `off` neither offers it nor makes keys"
    )

    static let certificateLogins = Setting(
        "auth.client-certificates", .choice(["off", "address"]), standard: "off",
        help:
            "SASL EXTERNAL: who shows a certificate of `tls.client-authorities` (`listeners.….client-certificates`) that is for an account's address logs in as that account, without a password"
    )

    static let unauthenticate = Setting(
        "auth.unauthenticate", .toggle, standard: "true",
        help:
            "IMAP UNAUTHENTICATE: one connection for one user after the other; off behind a proxy that judges logins itself (RFC 8437 §8)")

    static let logLevel = Setting(
        "logging.level", .choice(["debug", "info", "notice", "warning", "error"]), standard: "info",
        help: "What is logged, and all above it")
    static let logJSON = Setting(
        "logging.json", .toggle, standard: "false", aliases: [Alias("SMTP_ENABLE_JSON_LOGGING")],
        help: "One JSON object a line instead of text")
    static let logFile = Setting(
        "logging.file", .path, standardNote: "standard error",
        help: "Where log lines go; opened again at SIGHUP, so that it can be rotated")

    /// In the order of the reference.
    static let all: [Setting] =
        [data] + machine + [hostname, domain, portOffset, listenAddresses, listenProxies]
        + Service.allCases.flatMap { [enabled($0), addresses($0), port($0), proxies($0)] + ($0.isOpen ? [] : [clientCertificates($0)]) }
        + [tlsEnabled, tlsCertificate, tlsKey, tlsCertificates, tlsClientAuthorities, tlsMinimum, tlsCiphers] + acme
        + [
            messageSize, recipients, recipientsPerHour, connections, connectionsPerAddress, ratePerAddress, requestsPerAddress, ratePerUser, rateWindow,
            rateCleanup, exempt, errors, freeFloor, quotaStorage, quotaMessages,
        ]
        + [compactionInterval, scrubInterval, changesDays, changesRows, plaintextOnLoopback, scram, certificateLogins, unauthenticate] + penalties
        + [logLevel, logJSON, logFile]
        + outbound + trust + reports + web

    static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })
}
