import Testing

@testable import martlet

/// A configuration read from what is given here, and from nothing else.
func configuration(
    _ yaml: String? = nil, environment: [String: String] = [:],
    options: [(option: String, key: String, value: String)] = [],
    files: [String: String] = [:]
) throws(ConfigurationFault) -> Configuration {
    var files = files
    if let yaml { files["martlet.yaml"] = yaml }
    let reader = ConfigurationReader(
        environment: environment, file: yaml == nil ? nil : "martlet.yaml", options: options,
        read: { path throws(SystemFault) in
            guard let text = files[path] else { throw SystemFault("open", path, code: 2) }
            return text
        })
    return try reader.configuration()
}

/// The line that is printed when that configuration is refused; empty when it is good.
func complaint(
    _ yaml: String? = nil, environment: [String: String] = [:],
    options: [(option: String, key: String, value: String)] = [],
    files: [String: String] = [:]
) -> String {
    do {
        _ = try configuration(yaml, environment: environment, options: options, files: files)
        return ""
    } catch {
        return error.description
    }
}

@Suite struct ConfigurationReaderTests {
    @Test("without a file the embedded default listens on 127.0.0.1, on the standard ports plus 2000")
    func embedded() throws {
        let found = try configuration()
        #expect(found.isEmbedded)
        #expect(found.data == "./data")
        #expect(found.domain?.value == "example.test")
        #expect(found.listeners.map(\.port) == [2025, 2587, 2465, 2143, 2993, 2110, 2995, 2443, 2080])
        #expect(found.listeners.allSatisfy { $0.address == "127.0.0.1" })
        #expect(found.tls.enabled)
        #expect(!found.allowsPlaintextOnLoopback)
        #expect(found.limits.messageSize == 52_428_800)
        #expect(found.limits.recipients == 1000)
    }

    @Test("MARTLET_PORT_OFFSET replaces the 2000, and MARTLET_DATA moves the data")
    func offset() throws {
        let found = try configuration(environment: ["MARTLET_PORT_OFFSET": "10000", "MARTLET_DATA": "/srv/mail/"])
        #expect(found.listeners.map(\.port) == [10025, 10587, 10465, 10143, 10993, 10110, 10995, 10443, 10080])
        #expect(found.data == "/srv/mail")
    }

    @Test("with a file the ports are the standard ones")
    func file() throws {
        let found = try configuration("data: /var/lib/martlet\nhostname: mail.example.org\n")
        #expect(!found.isEmbedded)
        #expect(found.listeners.map(\.port) == [25, 587, 465, 143, 993, 110, 995])
        #expect(found.hostname.value == "mail.example.org")
    }

    @Test(
        "an empty file, and one of comments, means the defaults", arguments: ["", "# nothing\n", "---\n", "limits:\n"])
    func emptyFile(_ yaml: String) throws {
        #expect(try configuration(yaml).data == "/var/lib/martlet")
    }

    @Test("options go over the environment, the environment over the file, the file over the default")
    func precedence() throws {
        let yaml = "limits:\n  recipients: 200\n"
        let environment = ["MARTLET_LIMITS_RECIPIENTS": "300"]
        #expect(try configuration("data: /d\n").limits.recipients == 1000)
        #expect(try configuration(yaml).limits.recipients == 200)
        #expect(try configuration(yaml, environment: environment).limits.recipients == 300)
        #expect(
            try configuration(
                yaml, environment: environment, options: [("--set limits.recipients", "limits.recipients", "400")]
            ).limits.recipients
                == 400)
    }

    @Test("each service can have its own addresses and port, or be off")
    func listeners() throws {
        let found = try configuration(
            """
            listeners:
              addresses: [127.0.0.1, "::1"]
              smtp: {addresses: [0.0.0.0], port: 2525}
              submission:
                enabled: false
              submissions: {enabled: no}
              imap: {enabled: "off"}
              pop3: {enabled: "false"}
              pop3s: {addresses: ["::1"], port: 9955}
            """)
        #expect(
            found.listeners == [
                .init(service: .smtp, address: "0.0.0.0", port: 2525),
                .init(service: .imaps, address: "127.0.0.1", port: 993),
                .init(service: .imaps, address: "::1", port: 993),
                .init(service: .pop3s, address: "::1", port: 9955),
            ])
    }

    @Test("the names of the requirements work: S21, S22, S23, S28, R10, R11, R13, R14")
    func aliases() throws {
        let found = try configuration(
            environment: [
                "SMTP_TLS_CERT": "/c.pem", "TLS_KEY_PATH": "/k.pem", "TLS_MIN_VERSION": "tls1.3",
                "SMTP_DB_PATH": "/var/lib/smtp-server/smtp.db",
                "SMTP_ENABLE_TLS": "true", "SMTP_ENABLE_JSON_LOGGING": "true",
                "TLS_CIPHERS": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,ECDHE-RSA-AES128-GCM-SHA256",
            ], files: ["/c.pem": "-----BEGIN CERTIFICATE-----", "/k.pem": "-----BEGIN EC PRIVATE KEY-----"])
        #expect(found.tls.files == .init(certificate: "/c.pem", key: "/k.pem"))
        #expect(found.tls.minimum == "TLS1.3")
        #expect(found.tls.ciphers == ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES128-GCM-SHA256"])
        #expect(found.data == "/var/lib/smtp-server")
        #expect(found.logging.json)
    }

    @Test("every name also works as NAME_FILE: R60")
    func nameFile() throws {
        let files = ["/run/secrets/offset": "3000\n", "/run/secrets/json": "true\n"]
        let found = try configuration(
            environment: [
                "MARTLET_PORT_OFFSET_FILE": "/run/secrets/offset", "SMTP_ENABLE_JSON_LOGGING_FILE": "/run/secrets/json",
            ], files: files)
        #expect(found.listeners.first?.port == 3025)
        #expect(found.logging.json)
    }

    @Test("MARTLET_… wins over an alias; two aliases that agree are one")
    func ownNameWins() throws {
        let pem = ["/a": "-----BEGIN CERTIFICATE-----", "/b": "-----BEGIN PRIVATE KEY-----", "/x": "", "/y": ""]
        let found = try configuration(
            environment: [
                "MARTLET_TLS_CERTIFICATE": "/a", "SMTP_TLS_CERT": "/x", "SMTP_TLS_KEY": "/b", "TLS_KEY_PATH": "/b",
            ], files: pem)
        #expect(found.tls.files == .init(certificate: "/a", key: "/b"))
    }

    @Test("an empty variable is as good as none")
    func emptyVariable() throws {
        #expect(
            try configuration(environment: ["MARTLET_DATA": "", "SMTP_DB_PATH": "", "MARTLET_CONFIG": ""]).data
                == "./data")
    }

    @Test("without TLS only the plain ports listen, and only on loopback")
    func withoutTLS() throws {
        let found = try configuration(environment: ["SMTP_ENABLE_TLS": "false"])
        #expect(found.listeners.map(\.service) == [.smtp, .submission, .imap, .pop3, .http])
        #expect(try configuration("tls: {enabled: off}\n").listeners.map(\.service) == [.smtp, .submission, .imap, .pop3])
        // Who asks for it by name is told, whatever the default has.
        #expect(
            complaint(environment: ["SMTP_ENABLE_TLS": "false", "MARTLET_LISTENERS_HTTPS_ENABLED": "true"])
                .hasPrefix("environment: MARTLET_LISTENERS_HTTPS_ENABLED: is true, and TLS is off"))
    }
}

@Suite struct ConfigurationFaultTests {
    @Test(
        "a fault is one line that names the file, the key and the remedy",
        arguments: [
            ("dta: /x\n", "martlet.yaml:1: dta: unknown key; did you mean data?"),
            (
                "data: /x\nlimits:\n  recipients: many\n",
                "martlet.yaml:3: limits.recipients: \"many\" is not a number from 100 to 100000; give a number from 100 to 100000"
            ),
            (
                "limits:\n  recipients: 5\n",
                "martlet.yaml:2: limits.recipients: \"5\" is not a number from 100 to 100000; give a number from 100 to 100000"
            ),
            (
                "limits:\n  message-size: 5T\n",
                "martlet.yaml:2: limits.message-size: \"5T\" is not a size from 64K to 1G; give a size from 64K to 1G, such as 50M"
            ),
            ("limits: 5\n", "martlet.yaml:1: limits: holds keys, not a value; write its keys below it, indented"),
            ("data: [a, b]\n", "martlet.yaml:1: data: is a list; give a path"),
            ("data:\n", "martlet.yaml:1: data: has no value; give a path"),
            (
                "tls:\n  enabled: maybe\n",
                "martlet.yaml:2: tls.enabled: \"maybe\" is not true or false; give true or false"
            ),
            (
                "tls:\n  min-version: TLS1.1\n",
                "martlet.yaml:2: tls.min-version: \"TLS1.1\" is not one of TLS1.2, TLS1.3; give one of TLS1.2, TLS1.3"
            ),
            (
                "listeners:\n  addresses: [127.0.0.300]\n",
                "martlet.yaml:2: listeners.addresses: \"127.0.0.300\" is not an IP address; give a list such as [127.0.0.1, \"::1\"]"
            ),
            (
                "limits:\n  exempt: [10.0.0.0/33]\n",
                "martlet.yaml:2: limits.exempt: \"10.0.0.0/33\" is not an IP address or a network; give a list such as [127.0.0.0/8, \"::1\"]"
            ),
            (
                "hostname: -x-\n",
                "martlet.yaml:1: hostname: \"-x-\" is not a domain name; give a name such as mail.example.org"
            ),
            ("- a\n", "martlet.yaml: file: is not a list of keys; write lines such as `data: /var/lib/martlet`"),
            ("data: /a\ndata: /b\n", "martlet.yaml: data: stands there twice; delete one of the two"),
            (
                "listeners:\n  imap: {port: 993}\n",
                "default: listeners.imaps.port: 127.0.0.1 port 993 is imap's already; give another port"
            ),
            (
                "tls: {enabled: off}\nlisteners: {addresses: [0.0.0.0]}\n",
                "martlet.yaml:1: tls.enabled: TLS is off, and smtp listens on 0.0.0.0; switch it on, or listen on 127.0.0.1 and ::1 only"
            ),
            (
                "tls: {enabled: off}\nlisteners: {https: {enabled: on}}\n",
                "martlet.yaml:2: listeners.https.enabled: is true, and TLS is off (tls.enabled), without which https is not served; set tls.enabled to true, or this to false"
            ),
            (
                "tls: {enabled: off}\nlisteners: {imaps: {enabled: on}}\n",
                "martlet.yaml:2: listeners.imaps.enabled: is true, and TLS is off (tls.enabled), without which imaps is not served; set tls.enabled to true, or this to false"
            ),
            (
                "listeners:\n  imaps: {client-certificates: ask}\n",
                "martlet.yaml:2: listeners.imaps.client-certificates: is ask, and nobody is named whose certificates they are; set tls.client-authorities too"
            ),
            (
                "tls: {enabled: off}\nlisteners: {imap: {client-certificates: require}}\n",
                "martlet.yaml:2: listeners.imap.client-certificates: is require, and TLS is off; set it to off"
            ),
            (
                "tls: {enabled: off}\nlisteners: {imaps: {client-certificates: require}}\n",
                "martlet.yaml:2: listeners.imaps.client-certificates: is require, and TLS is off; set it to off"
            ),
            (
                "listeners: {http: {client-certificates: ask}}\n",
                "martlet.yaml:1: listeners.http.client-certificates: unknown key; did you mean listeners.https.client-certificates?"
            ),
            ("tls:\n  certificate: /c.pem\n", "martlet.yaml:2: tls.certificate: has no key beside it; set tls.key too"),
            ("tls:\n  key: /c.pem\n", "martlet.yaml:2: tls.key: has no certificate beside it; set tls.certificate too"),
            (
                "tls: {certificate: /nowhere.pem, key: /c.pem}\n",
                "martlet.yaml:1: tls.certificate: /nowhere.pem cannot be read: No such file or directory; name a PEM file that this user can read"
            ),
        ])
    func file(_ yaml: String, _ line: String) {
        #expect(complaint(yaml, files: ["/c.pem": "-----BEGIN CERTIFICATE-----"]) == line)
    }

    @Test("broken YAML is a fault with its line")
    func brokenYAML() {
        let line = complaint("data: /x\nlimits: {recipients: 5\n")
        #expect(line.hasPrefix("martlet.yaml:3: file: is not YAML: "))
        #expect(!line.contains("\n"))
    }

    @Test("an anchor that repeats itself makes no trouble")
    func anchors() {
        #expect(complaint("a: &a [x, x]\nb: [*a, *a]\n").contains("unknown key"))
    }

    @Test("two differing aliases stop the start")
    func differingAliases() {
        #expect(
            complaint(environment: ["SMTP_TLS_CERT": "/a", "TLS_CERT_PATH": "/b"])
                == "environment: SMTP_TLS_CERT and TLS_CERT_PATH: differ, and mean the same key; delete one of the two")
        #expect(
            complaint(environment: ["SMTP_TLS_KEY": "/a", "TLS_KEY_PATH_FILE": "/f"], files: ["/f": "/b\n"])
                == "environment: SMTP_TLS_KEY and TLS_KEY_PATH_FILE: differ, and mean the same key; delete one of the two"
        )
        #expect(
            complaint(environment: ["MARTLET_DATA": "/a", "MARTLET_DATA_FILE": "/f"], files: ["/f": "/b"]).hasPrefix(
                "environment: MARTLET_DATA and"))
    }

    @Test(
        "the environment's faults name the variable",
        arguments: [
            (
                ["MARTLET_PORT_OFFSET": "x"],
                "environment: MARTLET_PORT_OFFSET: \"x\" is not a number from 0 to 60000; give a number from 0 to 60000"
            ),
            (["SMTP_ENABLE_TLS": "2"], "environment: SMTP_ENABLE_TLS: \"2\" is not true or false; give true or false"),
            (
                ["MARTLET_DATA_FILE": "/none"],
                "environment: MARTLET_DATA_FILE: /none cannot be read: No such file or directory; name a readable file"
            ),
            (
                ["MARTLET_PORT_OFSET": "1"],
                "environment: MARTLET_PORT_OFSET: no key has this name; did you mean port-offset?"
            ),
            (
                ["MARTLET_CONFIG": "/none.yaml"],
                "/none.yaml: file: cannot be read: No such file or directory; name a readable file with --config"
            ),
        ])
    func environment(_ variables: [String: String], _ line: String) {
        #expect(complaint(environment: variables) == line)
    }

    @Test("what tests and benchmarks read from the environment is not taken for a key")
    func foreignVariables() {
        #expect(complaint(environment: ["MARTLET_TEST_MAIL": "/mail", "HOME": "/root"]).isEmpty)
    }

    @Test("an option with an unknown key is refused")
    func options() {
        #expect(
            complaint(options: [("--set tls.cert", "tls.cert", "/x")]).hasPrefix(
                "command line: --set tls.cert: unknown key tls.cert; "))
    }
}
