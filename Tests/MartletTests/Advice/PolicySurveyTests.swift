import Conversation
import MailModel
import NIOCore
import PostOffice
import Rehearsal
import Synchronization
import Testing

@testable import martlet

@Suite("Whether others can fetch our domains' policies for TLS: RFC 8461 §3.3")
struct PolicySurveyTests {
    private let table = NameTable()

    /// Answers all requests alike, and counts them.
    private final class Web: WebFetcher {
        let answer: Result<WebReply, WebFault>
        let asked = Mutex<[String]>([])

        init(_ answer: Result<WebReply, WebFault>) { self.answer = answer }

        func fetch(_ request: WebRequest) async throws -> WebReply {
            asked.withLock { $0.append("\(request.host)\(request.path)") }
            return try answer.get()
        }
    }

    private static func reply(_ status: Int, _ text: String = "version: STSv1\nmode: enforce\nmx: mail.example.org\nmax_age: 86400\n") -> WebReply {
        var fields = HTTPFields()
        fields.add(parsed: "Content-Type", "text/plain")
        return WebReply(status: status, fields: fields, content: ByteBuffer(string: text))
    }

    /// - parameters:
    ///   - isServed: here.
    ///   - record: of the domain.
    private func found(
        _ web: Web, isServed: Bool = true, record: Told<String> = denied(), machine: [String] = ["11.0.0.1", "2a00:1::5"], domains: Int = 1
    ) async throws -> [Finding] {
        var facts = DomainFacts.good
        facts.site.transportPolicyID = isServed ? "1" : nil
        facts.transportPolicy = record
        let survey = PolicySurvey(names: NameSurvey(resolver: table), fetcher: web, machine: Set(machine.map(address)))
        return try await survey.look(at: (0..<domains).map { _ in Task { [facts] in facts } }).flatMap(Judge.policy)
    }

    @Test("one that is served, or that a record announces, is fetched; another is not")
    func which() async throws {
        try table.setAddresses(of: "mta-sts.example.org", ["11.0.0.1"])
        let web = Web(.success(Self.reply(200)))
        #expect(try await found(web, isServed: false).isEmpty && web.asked.withLock { $0.isEmpty })
        #expect(try await found(web, isServed: false, record: told("v=STSv1; id=2")).isEmpty)
        #expect(try await found(web).isEmpty)
        #expect(web.asked.withLock { $0 } == Array(repeating: "mta-sts.example.org/.well-known/mta-sts.txt", count: 2))
    }

    @Test("why it is not fetched stands in the finding")
    func reasons() async throws {
        let nowhere = try await found(Web(.failure(.timedOut)))
        #expect(nowhere.map(\.kind) == [.transportPolicyUnfetchable] && nowhere[0].problem.contains("mta-sts.example.org has no address"))
        try table.setAddresses(of: "mta-sts.example.org", ["11.0.0.1"])
        for (answer, words) in [
            (Result<WebReply, WebFault>.failure(.unreachable("Connection refused")), "Connection refused"),
            (.failure(.tls("the certificate is for mail.example.org, not for mta-sts.example.org")), "not for mta-sts.example.org"),
            (.failure(.timedOut), "no answer in time"), (.success(Self.reply(404)), "the answer is 404"),
            (.success(Self.reply(200, "<html>")), "the file is no policy"),
        ] {
            let findings = try await found(Web(answer))
            #expect(findings.map(\.kind) == [.transportPolicyUnfetchable] && findings[0].problem.contains(words), "\(findings)")
        }
    }

    @Test("what is not seen from here is said so: names that nobody answers, an address that stands before this machine, more domains than are asked for")
    func unseen() async throws {
        try table.setFault(.a, of: "mta-sts.example.org", .timedOut)
        #expect(try await found(Web(.failure(.timedOut))).map(\.kind) == [.transportPolicyUnseen])
        try table.setAddresses(of: "mta-sts.example.org", ["11.0.0.1"])
        let refused = Web(.failure(.unreachable("Connection refused")))
        #expect(try await found(refused, machine: ["10.0.0.5"]).map(\.kind) == [.transportPolicyUnseen])
        #expect(try await found(refused, machine: ["11.0.0.1"]).map(\.kind) == [.transportPolicyUnfetchable])
        let web = Web(.success(Self.reply(200)))
        #expect(try await found(web, domains: 22).map(\.kind) == [.transportPolicyUnseen, .transportPolicyUnseen])
        #expect(web.asked.withLock { $0.count } == 20)
    }

    @Test("one that leaves out the server is found")
    func other() async throws {
        try table.setAddresses(of: "mta-sts.example.org", ["11.0.0.1"])
        let web = Web(.success(Self.reply(200, "version: STSv1\nmode: testing\nmx: mx.elsewhere.example\nmax_age: 86400\n")))
        #expect(try await found(web).map(\.kind) == [.transportPolicyExcludes])
    }
}
