import ACME
import Testing

@testable import martlet

@Suite("Certificates that a CA issues, as the configuration says it: RFC 8555")
struct ACMESettingsTests {
    private let on = "hostname: mail.example.org\nlisteners: {http: {enabled: true}}\n"

    @Test("a few lines are enough, and nothing is issued without them")
    func standard() throws {
        #expect(try configuration(on).issuing == nil)
        let issuing = try #require(try configuration(on + "acme: {enabled: true, agrees-to-terms: true, contact: [\"a+b@example.org\"]}\n").issuing)
        #expect(issuing.setting.directory.description == "https://acme-v02.api.letsencrypt.org/directory")
        #expect(issuing.setting.account.contact == ["mailto:a+b@example.org"] && issuing.setting.account.agreesToTerms)
        #expect(issuing.setting.wanted.map(\.required) == [[try #require(CertificateName("mail.example.org"))]])
        #expect(issuing.setting.wanted.map(\.keyKind) == [.ecdsaP256] && issuing.challenge == .http01 && !issuing.allowsPrivate)
    }

    @Test("names, key, CA and program")
    func all() throws {
        let yaml = """
            data: /d
            acme:
              enabled: true
              agrees-to-terms: true
              directory: https://ca.example/dir
              names: [mx.example.org, "*.example.org", mx.example.org]
              optional-names: [mta-sts.example.net]
              challenge: dns-01
              hook: /usr/local/bin/hook
              key: rsa-2048
              root: /root.pem
              external-account: /account
              allows-private: true
            """
        let issuing = try #require(try configuration(yaml, files: ["/root.pem": "PEM", "/account": "name c2VjcmV0\n"]).issuing)
        #expect(issuing.setting.wanted.first?.required.map(\.description) == ["mx.example.org", "*.example.org"])
        #expect(issuing.setting.wanted.first?.optional.map(\.description) == ["mta-sts.example.net"])
        #expect(issuing.setting.wanted.first?.keyKind == .rsa2048 && issuing.challenge == .dns01 && issuing.hook == "/usr/local/bin/hook")
        #expect(issuing.root == "PEM" && issuing.setting.account.externalAccount?.keyID == "name" && issuing.allowsPrivate)
    }

    @Test(
        "what cannot come to a certificate is refused with its remedy",
        arguments: [
            ("acme: {enabled: true}", "acme.agrees-to-terms: is not true, and without that a CA makes no account; read the terms"),
            ("acme: {enabled: true, agrees-to-terms: true, challenge: tls-alpn-01}", "acme.challenge: is tls-alpn-01, and https does not listen"),
            ("acme: {enabled: true, agrees-to-terms: true, challenge: dns-01}", "acme.challenge: is dns-01, and no program changes the zone"),
            ("acme: {enabled: true, agrees-to-terms: true, names: [\"*.example.org\"]}", "acme.names: has *.example.org, which http-01 cannot prove"),
            ("acme: {enabled: true, agrees-to-terms: true, names: [localhost]}", "acme.names: \"localhost\" is not a name of a host"),
            ("acme: {enabled: true, agrees-to-terms: true, directory: \"http://ca.example\"}", "it is no URL that begins with https://"),
            ("acme: {enabled: true, agrees-to-terms: true, root: /missing}", "acme.root: /missing cannot be read"),
            ("acme: {enabled: true, agrees-to-terms: true, external-account: /one}", "names a file that has not a key's name and a key"),
            (
                "tls: {certificate: /c.pem, key: /k.pem}\nacme: {enabled: true, agrees-to-terms: true}",
                "tls.certificate: names a certificate, and acme.enabled has one issued; leave out one of the two"
            ),
            ("tls: {enabled: false}\nacme: {enabled: true, agrees-to-terms: true}", "acme.enabled: is true, and TLS is off"),
            ("tls: {certificates: [\"/c.pem:/k.pem\"]}", "tls.certificates: has certificates beside none; set tls.certificate and tls.key too"),
            ("tls: {certificates: [/c.pem]}", "it is not two paths with a colon between"),
        ])
    func faults(_ yaml: String, _ line: String) {
        do {
            _ = try configuration(on + yaml + "\n", files: ["/c.pem": "-----BEGIN CERTIFICATE-----", "/one": "word", "/k.pem": "-----BEGIN PRIVATE KEY-----"])
            Issue.record("it is taken")
        } catch { #expect("\(error)".contains(line), "\(error)") }
    }

    @Test("further certificates, for other names")
    func several() throws {
        let found = try configuration(
            "tls: {certificate: /c.pem, key: /k.pem, certificates: [\"/c.pem:/k.pem\"]}\n",
            files: ["/c.pem": "-----BEGIN CERTIFICATE-----", "/k.pem": "-----BEGIN PRIVATE KEY-----"])
        #expect(found.configuredFiles.count == 2)
        // Those of further ones are looked at by who serves them.
        let absent = try configuration(
            "tls: {certificate: /c.pem, key: /k.pem, certificates: [\"/absent.pem:/k.pem\"]}\n",
            files: ["/c.pem": "-----BEGIN CERTIFICATE-----", "/k.pem": "-----BEGIN PRIVATE KEY-----"])
        #expect(absent.configuredFiles.count == 2)
    }
}
