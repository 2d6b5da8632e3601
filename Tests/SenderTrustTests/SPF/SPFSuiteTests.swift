import Foundation
import MailModel
import SenderTrust
import Testing
import Yams

/// One question of the test suites at openspf.org, with what they allow for an answer.
struct SuiteCase: Sendable, CustomTestStringConvertible {
    let name: String
    let zone: SuiteZone
    let address: String
    let helo: String
    let sender: String
    let results: Set<String>
    /// Nil: not looked at; `DEFAULT`: none.
    let explanation: String?

    var testDescription: String { name }

    /// Empty where the suites are not beside the project.
    static func all(_ file: String) -> [SuiteCase] {
        let package = #filePath.components(separatedBy: "/Tests/").dropLast().joined(separator: "/Tests/")
        for folder in [package + "/../shared/data/spf", "../shared/data/spf"] {
            // try?: where it is not there, the tests are skipped.
            guard let text = try? String(contentsOfFile: folder + "/" + file, encoding: .utf8) else { continue }
            do { return try read(text) } catch { fatalError("\(file): \(error)") }
        }
        return []
    }

    private static func read(_ text: String) throws -> [SuiteCase] {
        var cases: [SuiteCase] = []
        for document in try Yams.compose_all(yaml: text) {
            guard let tests = document["tests"]?.mapping, let names = document["zonedata"]?.mapping else { continue }
            let zone = try SuiteZone(names)
            let title = document["description"]?.string ?? ""
            for (key, test) in tests {
                let results = test["result"]?.sequence?.compactMap(\.string) ?? [test["result"]?.string].compactMap(\.self)
                cases.append(
                    SuiteCase(
                        name: "\(title): \(key.string ?? "")", zone: zone, address: test["host"]?.string ?? "", helo: test["helo"]?.string ?? "",
                        sender: test["mailfrom"]?.string ?? "", results: Set(results), explanation: test["explanation"]?.string))
            }
        }
        return cases
    }
}

@Suite("The test suites of openspf.org")
struct SPFSuiteTests {
    private static let now = Timestamp(rawValue: 1_800_000_000)
    static let current = SuiteCase.all("rfc7208-tests.yml")
    static let former = SuiteCase.all("rfc4408-tests.yml")

    private func judge(_ test: SuiteCase) async throws {
        let question = SPFQuestion(
            address: try #require(IPAddress(test.address)), helo: test.helo, mailbox: test.sender, receiver: Domain("receiver.example"), now: Self.now)
        let verdict = await SPFEvaluation(resolver: test.zone).mailFrom(question)
        #expect(test.results.contains(verdict.result.rawValue), "\(test.results): \(verdict)")
        guard let explanation = test.explanation else { return }
        let said = verdict.explanation ?? "DEFAULT"
        // The nibbles of an IPv6 address may be written either way.
        let isEitherWay = test.name.hasSuffix(": v-macro-ip6")
        #expect(isEitherWay ? said.lowercased() == explanation.lowercased() : said == explanation)
    }

    @Test("all of them are read", .enabled(if: !current.isEmpty, "no folder of data beside the project"))
    func count() { #expect(Self.current.count == 203 && Self.former.count == 191) }

    @Test("RFC 7208", .enabled(if: !current.isEmpty, "no folder of data beside the project"), arguments: current)
    func judgeCurrent(_ test: SuiteCase) async throws { try await judge(test) }

    @Test("RFC 4408, as far as it goes", .enabled(if: !former.isEmpty, "no folder of data beside the project"), arguments: former)
    func judgeFormer(_ test: SuiteCase) async throws { try await judge(test) }
}
