import Gatehouse
import Testing

/// What a step is, without what it holds that nobody prints.
enum Seen: Equatable {
    case challenge(String)
    case password(user: String, Password)
    case malformed, notForAnother, other

    init(_ step: SASLExchange.Step) {
        switch step {
        case .challenge(let octets): self = .challenge(String(decoding: octets, as: UTF8.self))
        case .question(.password(let credentials)): self = .password(user: credentials.user, credentials.password)
        case .malformed: self = .malformed
        case .notForAnother: self = .notForAnother
        case .question: self = .other
        }
    }
}

@Suite struct SASLExchangeTests {
    private func steps(_ mechanism: SASLMechanism, _ initial: String?, _ messages: [String] = []) -> [Seen] {
        var exchange = SASLExchange(mechanism)
        return [Seen(exchange.start(initial.map { Array($0.utf8) }))] + messages.map { Seen(exchange.respond(Array($0.utf8))) }
    }

    @Test("PLAIN: one message, at once or behind an empty challenge: RFC 4616 §2")
    func plain() {
        let right = Seen.password(user: "alice", Password("sesame"))
        #expect(steps(.plain, "\0alice\0sesame") == [right])
        #expect(steps(.plain, nil, ["\0alice\0sesame"]) == [.challenge(""), right])
        #expect(steps(.plain, "alice\0alice\0sesame") == [right])
        #expect(steps(.plain, "bob\0alice\0sesame") == [.notForAnother])
        for text in ["", "alice", "\0alice", "\0\0sesame", "\0alice\0sesame\0"] { #expect(steps(.plain, text) == [.malformed]) }
    }

    @Test("LOGIN: two words, the first of which may come at once")
    func login() {
        let right = Seen.password(user: "alice", Password("sesame"))
        #expect(steps(.login, nil, ["alice", "sesame"]) == [.challenge("Username:"), .challenge("Password:"), right])
        #expect(steps(.login, "alice", ["sesame"]) == [.challenge("Password:"), right])
        #expect(steps(.login, "al\0ice") == [.malformed])
        var exchange = SASLExchange(.login)
        #expect(Seen(exchange.start([0xFF])) == .malformed)
    }

    @Test("nothing is offered without TLS, but on loopback where that is allowed: RFC 8314 §4.1")
    func offer() {
        for isSecure in [false, true] {
            for isLoopback in [false, true] {
                for isAllowed in [false, true] {
                    let offer = LoginOffer(isSecure: isSecure, isLoopback: isLoopback, allowsPlaintextOnLoopback: isAllowed)
                    let isOffered = isSecure || (isLoopback && isAllowed)
                    #expect(offer.mechanisms == (isOffered ? [.plain, .login] : []))
                    #expect(offer.allowsPasswords == isOffered && (offer == .none) != isOffered)
                    #expect(offer.list == (isOffered ? "PLAIN LOGIN" : ""))
                    #expect(offer.exchange(named: "PLAIN")?.mechanism == (isOffered ? .plain : nil))
                    let more = LoginOffer(
                        isSecure: isSecure, isLoopback: isLoopback, allowsPlaintextOnLoopback: isAllowed, rules: LoginRules(offersSCRAM: true),
                        binding: isSecure ? [1] : nil, addresses: ["alice@example.org"])
                    let bound = isSecure ? "SCRAM-SHA-256-PLUS " : ""
                    #expect(more.list == (isOffered ? bound + "SCRAM-SHA-256 PLAIN LOGIN" : ""))
                }
            }
        }
        #expect(LoginOffer(isSecure: true, isLoopback: false, allowsPlaintextOnLoopback: false).exchange(named: "CRAM-MD5") == nil)
    }

    @Test("EXTERNAL is offered to a client with addresses in its certificate, where that is allowed; its message is a name or nothing: RFC 4422 appendix A")
    func external() {
        func offer(_ accepts: Bool, _ addresses: [String], isSecure: Bool = true) -> LoginOffer {
            LoginOffer(
                isSecure: isSecure, isLoopback: true, allowsPlaintextOnLoopback: true, rules: LoginRules(acceptsCertificates: accepts), addresses: addresses)
        }
        #expect(offer(true, ["alice@example.org"]).list == "EXTERNAL PLAIN LOGIN")
        for other in [offer(false, ["alice@example.org"]), offer(true, []), offer(true, ["alice@example.org"], isSecure: false)] {
            #expect(other.list == "PLAIN LOGIN" && other.exchange(named: "EXTERNAL") == nil)
        }
        for (message, asked) in [("", nil), ("bob@example.org", "bob@example.org")] as [(String, String?)] {
            var exchange = SASLExchange(.external, addresses: ["alice@example.org"])
            guard case .question(.certificate(let addresses, let authorization)) = exchange.start(Array(message.utf8)) else {
                Issue.record("no question")
                return
            }
            #expect(addresses == ["alice@example.org"] && authorization == asked)
        }
        #expect(steps(.external, nil, ["a\0b"]) == [.challenge(""), .malformed])
    }

    @Test("a question prints neither name nor password: S48")
    func silence() {
        let attempt = LoginAttempt(.password(Credentials(user: "alice", password: Password("sesame"))), setbacks: 0)
        var dumped = "\(attempt)"
        dump(attempt, to: &dumped)
        var exchange = SASLExchange(.login)
        _ = exchange.start(Array("alice".utf8))
        dump(exchange, to: &dumped)
        #expect(!dumped.contains("sesame"))
    }
}
