import Logging
import MailModel
import PostOffice
import SMTP
import Testing
import Transport

/// Martlet to Martlet, over the system's sockets.
@Suite(.timeLimit(.minutes(20)))
struct LoopbackTests {
    private static func identity() throws -> TLSIdentity {
        let made = try SelfSignedCertificate.make(hostNames: ["mx.example.test"], now: House.now)
        return try TLSIdentity(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM)
    }

    @Test("messages arrive as they were sent, one recipient's refusal costs the others nothing, and the connection is used again", arguments: [true, false])
    func delivers(inTLS: Bool) async throws {
        let house = try await House()
        let threads = Threads(count: 1)
        let listeners = Listeners(threads: threads, doorkeeper: Doorkeeper(logger: House.log), logger: House.log)
        let shelf = try CertificateShelf([Self.identity()])
        let listener = try await listeners.open(Endpoint(host: "127.0.0.1", port: 0, security: .startTLS(shelf)), house.worker())
        do {
            let carrier = SMTPCarrier(dialler: try StreamDialler(group: threads.group))
            let connection = try await carrier.connect(
                to: try Carriage.server {
                    $0.address = "127.0.0.1"
                    $0.port = listener.port
                    $0.encryption = inTLS ? .opportunistic : .never
                })
            #expect(connection.facts.tlsVersion == (inTLS ? "TLSv1.3" : nil) && connection.facts.sizeLimit != nil)
            let text = "From: a@remote.example\r\nSubject: dots\r\n\r\n" + String(repeating: ".\r\n..x\r\n.y\r\n", count: 60_000) + "end\r\n"
            for message in [text, Carriage.text] {
                let report = await connection.send(try Carriage.message(message, from: "a@remote.example", to: ["alice@example.test", "nobody@example.test"]))
                #expect(report.isUsable)
                guard case .delivered = report.outcomes[0], case .refused(let reply, isPermanent: true) = report.outcomes[1] else {
                    Issue.record("\(report.outcomes)")
                    continue
                }
                #expect(reply.code == 550 && reply.status?.description == "5.1.1")
            }
            await connection.close()
            let texts = try await house.texts(of: house.alice)
            #expect(texts == [text, Carriage.text])
        } catch {
            Issue.record(error)
        }
        await listeners.stop(grace: .milliseconds(100))
        try await threads.shutDown()
    }
}
