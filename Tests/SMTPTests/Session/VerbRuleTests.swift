import MailModel
import Testing

@testable import SMTP

@Suite struct VerbRuleTests {
    private func terms(_ role: SMTPRole, tls: Bool, loopback: Bool = false, plaintext: Bool = false, certificate: Bool = true) throws -> Terms {
        var settings = SMTPSettings(role: role, hostName: try #require(Domain("mx.example.test")))
        settings.allowsPlaintextLoginOnLoopback = plaintext
        settings.offersStartTLS = certificate
        return Terms(settings, isSecured: tls, isLoopback: loopback)
    }

    static let always = [
        "PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "LIMITS MAILMAX=10000 RCPTMAX=1000",
    ]

    @Test(
        "EHLO offers exactly this: RFC 5321 §4.1.1.1",
        arguments: [
            (SMTPRole.mx, false, ["STARTTLS"]), (.mx, true, []), (.submission, false, ["BINARYMIME", "STARTTLS"]),
            (.submission, true, ["BINARYMIME", "AUTH PLAIN LOGIN"]), (.submissions, true, ["BINARYMIME", "AUTH PLAIN LOGIN"]),
        ])
    func offers(_ role: SMTPRole, _ tls: Bool, _ more: [String]) throws {
        #expect(Set(try terms(role, tls: tls).offers) == Set(Self.always + more))
    }

    @Test("what the outgoing queue does is offered to users alone: RFC 4865 §4, RFC 2852 §3, RFC 6710 §3")
    func queue() throws {
        for role in [SMTPRole.mx, .submission, .submissions] {
            var settings = SMTPSettings(role: role, hostName: try #require(Domain("mx.example.test")))
            settings.queue = QueueOffer()
            var terms = Terms(settings, isSecured: true, isLoopback: false)
            terms.now = Timestamp(rawValue: 1_795_307_700)
            let more = ["FUTURERELEASE 2592000 2026-12-22T00:35:00Z", "DELIVERBY 60", "MT-PRIORITY", "REQUIRETLS", "BINARYMIME"]
            #expect(Set(terms.offers).isSuperset(of: more) == role.isSubmission)
            for name in [SMTPExtension.futureRelease, .deliverBy, .priority, .requireTLS, .binaryMIME] { #expect(terms.offers(name) == role.isSubmission) }
            // RFC 8689 §2
            terms.isSecured = false
            #expect(!terms.offers(.requireTLS) && terms.offer(.requireTLS) == nil)
        }
    }

    @Test("AUTH without TLS on loopback only where configured, never elsewhere, never on the MX")
    func plaintext() throws {
        #expect(try terms(.submission, tls: false, loopback: true, plaintext: true).offers(.auth))
        #expect(try !terms(.submission, tls: false, loopback: true, plaintext: false).offers(.auth))
        #expect(try !terms(.submission, tls: false, loopback: false, plaintext: true).offers(.auth))
        #expect(try !terms(.mx, tls: false, loopback: true, plaintext: true).offers(.auth))
        #expect(try !terms(.mx, tls: false, certificate: false).offers(.startTLS))
    }

    @Test("what is quick to ask and what EHLO says are the same", arguments: SMTPExtension.allCases)
    func agrees(_ name: SMTPExtension) throws {
        for role in [SMTPRole.mx, .submission, .submissions] {
            for tls in [true, false] {
                let terms = try terms(role, tls: tls)
                #expect(terms.offers(name) == (terms.offer(name) != nil))
            }
        }
    }

    @Test("on submission ports every verb that moves mail needs a login: RFC 6409 §4.3", arguments: [Verb.mail, .rcpt, .data, .bdat, .vrfy, .expn])
    func login(_ verb: Verb) throws {
        let rule = try #require(VerbRule.of(verb))
        for standing in [VerbRule.Standing.connected, .ready, .envelope, .chunks] {
            for argument in [true, false] {
                let terms = try terms(.submissions, tls: true)
                #expect(rule.objection(standing, terms, isAuthenticated: false, hasArgument: argument)?.code == 530)
            }
        }
    }
}
