import Glibc
import MailModel
import Testing
import Transport

@testable import martlet

@Suite("What the doctor sees of certificates in files")
struct MachineSurveyTests {
    private let folder: TemporaryFolder
    private static let now = Timestamp(rawValue: 1_795_307_700)

    init() throws { folder = try TemporaryFolder() }

    /// A pair of files, as the configuration has it.
    private func pair(_ name: String, _ hosts: [String], since age: Int64 = 0) throws -> String {
        let made = try SelfSignedCertificate.make(hostNames: hosts, now: Timestamp(rawValue: Self.now.rawValue - age))
        try TextFile.create("\(folder.path)/\(name).pem", made.certificatePEM, mode: 0o644)
        try TextFile.create("\(folder.path)/\(name).key", made.keyPEM, mode: 0o600)
        return "\(folder.path)/\(name).pem:\(folder.path)/\(name).key"
    }

    private func survey(_ first: String, _ others: [String]) async throws -> [MachineSurvey.Certificate] {
        let paths = first.split(separator: ":").map { String($0) }
        let reader = ConfigurationReader(
            environment: [:], file: "martlet.yaml", options: [],
            read: { path throws(SystemFault) in
                guard path == "martlet.yaml" else { return try TextFile.read(path) }
                return "hostname: mail.example.org\ntls: {certificate: \"\(paths[0])\", key: \"\(paths[1])\", certificates: ["
                    + others.map { "\"\($0)\"" }.joined(separator: ", ") + "]}\n"
            })
        return await MachineSurvey.certificates(try reader.configuration(), names: ["mail.example.org"], now: Self.now, digests: nil)
    }

    private func found(_ certificates: [MachineSurvey.Certificate]) -> [[String]] {
        certificates.map { certificate in Judge.certificate(certificate.facts).filter { $0.kind != .tlsSelfSigned }.map { "\($0.kind.id) \($0.subject)" } }
    }

    @Test("all pairs are looked at, and each finding names its own")
    func all() async throws {
        let first = try pair("first", ["mail.example.org"])
        let old = try pair("old", ["old.example.net"], since: 366 * 86_400)
        let open = try pair("open", ["open.example.net"])
        _ = chmod(folder.path + "/open.key", 0o604)
        let same = try pair("same", ["mail.example.org"])
        let foreign = "\(folder.path)/open.pem:\(folder.path)/same.key"
        let missing = "\(folder.path)/none.pem:\(folder.path)/same.key"
        let certificates = try await survey(first, [old, open, same, foreign, missing])
        let path = folder.path
        #expect(
            found(certificates) == [
                [], ["tls.expired \(path)/old.pem"], ["tls.key-open \(path)/open.key"], ["tls.unshown \(path)/same.pem"], ["tls.unusable \(path)/open.pem"],
                ["tls.unusable \(path)/none.pem"],
            ])
        #expect(certificates.map { $0.examination == nil } == [false, false, false, false, true, true])
    }

    @Test("the server's name may be that of any pair, and of none is the first one's fault")
    func names() async throws {
        let first = try pair("first", ["first.example.net"])
        #expect(found(try await survey(first, [try pair("other", ["*.example.org"])])) == [[], []])
        #expect(found(try await survey(first, [try pair("third", ["third.example.net"])])) == [["tls.names \(folder.path)/first.pem"], []])
    }

    @Test("no finding has a library's words: a key that does not fit, no PEM, no X.509")
    func words() async throws {
        let first = try pair("first", ["mail.example.org"])
        let other = try pair("other", ["other.example.org"])
        try TextFile.create("\(folder.path)/odd.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", mode: 0o644)
        let pairs = [
            "\(folder.path)/first.pem:\(folder.path)/other.key", "\(folder.path)/odd.pem:\(folder.path)/first.key", "\(folder.path):\(folder.path)/first.key",
        ]
        let problems = try await survey(first, pairs + [other]).flatMap { Judge.certificate($0.facts) }.map(\.problem)
        #expect(problems.count { $0.contains(folder.path) } == 3, "\(problems)")
        #expect(problems.contains { $0.contains("not the key of the certificate in \(folder.path)/first.pem") })
        for word in ["NIO", "BoringSSL", "OPENSSL", "errno", "Error", "(code:"] { #expect(!problems.contains { $0.contains(word) }, "\(problems)") }
    }
}
