import Conversation
import MailModel
import PostOffice

/// From the connection to where messages can be sent: greeting, EHLO, TLS and login.
struct Opening {
    private let server: MailServer
    private let dialogue: Dialogue

    init(_ server: MailServer, _ dialogue: Dialogue) {
        self.server = server
        self.dialogue = dialogue
    }

    func open() async throws(CarrierFault) -> ServerOffer {
        if case .required(implicit: true) = server.encryption { try await startTLS() }
        try await greeting()
        var offer = try await hello()
        if try await isToBeSecured(offer) {
            try await startTLS()
            // What was offered in clear is not believed (RFC 3207 §4.2).
            offer = try await helloInTLS()
        }
        if server.demandsRequireTLS, dialogue.stream.facts.tls == nil || !offer.requireTLS {
            await quit()
            throw .unprotected("it does not offer REQUIRETLS, which is demanded")
        }
        if let login = server.login { try await logIn(login, offer) }
        guard !dialogue.isAhead else { throw .unreachable("it talks out of turn") }
        return offer
    }

    // MARK: Greeting and EHLO

    private func greeting() async throws(CarrierFault) {
        let reply = try await reply(within: dialogue.settings.greeting)
        // 554 as 4xx: no service here (RFC 5321 §3.1).
        guard reply.code < 400 else {
            await quit()
            throw .refused(reply.remote)
        }
        guard reply.code == 220 else { throw .unreachable("it greets with \(reply.remote.written)") }
    }

    private func hello() async throws(CarrierFault) -> ServerOffer {
        let name = server.ownName.asciiForm?.value ?? server.ownName.value
        let reply = try await answer("\(server.dialect == .lmtp ? "LHLO" : "EHLO") \(name)")
        if reply.isPositive { return ServerOffer(reply) }
        guard reply.isPermanent, server.dialect == .smtp else { throw await refusal(reply) }
        // RFC 5321 §3.2: a server of old.
        let older = try await answer("HELO \(name)")
        guard older.isPositive else { throw await refusal(older) }
        return ServerOffer()
    }

    /// A handshake that only seemed to succeed (a TLS 1.3 server says late what it has against us) is a failed one.
    private func helloInTLS() async throws(CarrierFault) -> ServerOffer {
        do throws(CarrierFault) { return try await hello() } catch {
            if case .unreachable(let reason) = error { throw .tls(TLSFailure(.validation, "after the handshake: \(reason)")) }
            throw error
        }
    }

    // MARK: TLS

    private func isToBeSecured(_ offer: ServerOffer) async throws(CarrierFault) -> Bool {
        let isRequired: Bool
        switch server.encryption {
        case .never, .required(implicit: true): return false
        case .opportunistic: isRequired = false
        case .required(implicit: false), .published: isRequired = true
        }
        guard offer.startTLS else {
            if isRequired { throw .tls(TLSFailure(.notOffered, "it does not offer STARTTLS, which is required here")) }
            return false
        }
        let reply = try await answer("STARTTLS")
        if reply.code == 220 { return true }
        guard reply.code >= 400 else { throw .tls(TLSFailure(.validation, "it answers STARTTLS with \(reply.remote.written)")) }
        guard reply.code != 421 else { throw .refused(reply.remote) }
        if isRequired { throw .tls(TLSFailure(.notOffered, "it refuses STARTTLS, which is required here: \(reply.remote.written)")) }
        return false
    }

    private func startTLS() async throws(CarrierFault) {
        let terms =
            switch server.encryption {
            case .opportunistic, .never: TLSTerms(serverName: server.host, verification: .none)
            case .required: TLSTerms(serverName: server.host, verification: .authorities(names: [server.host]))
            case .published(let requirement): requirement.terms
            }
        do throws(StreamFault) { try await dialogue.startTLS(terms) } catch {
            guard case .tls(let failure) = error else { throw .tls(TLSFailure(.validation, "the connection was closed")) }
            throw .tls(failure)
        }
    }

    // MARK: Login

    private func logIn(_ login: MailServer.Login, _ offer: ServerOffer) async throws(CarrierFault) {
        guard dialogue.stream.facts.tls != nil || dialogue.stream.facts.isLoopback else { throw .unfit("no password is sent without TLS") }
        var reply: ServerReply
        if offer.mechanisms.contains("PLAIN"), let line = LoginLine.plain(user: login.user, password: login.password) {
            reply = try await answer(line)
        } else if offer.mechanisms.contains("LOGIN") {
            reply = try await answer(LoginLine.login)
            for text in [login.user, login.password] where reply.code == 334 { reply = try await answer(LoginLine.answer(text)) }
        } else {
            throw .unfit("it offers no way to log in that is known here")
        }
        if reply.isPositive { return }
        // That a password has changed is no reason to bounce what waits: only 4xx are its refusals, the rest is ours to mend.
        guard !reply.isTransient else { throw await refusal(reply) }
        await quit()
        throw .unfit("it does not take the login: \(reply.remote.written)")
    }

    // MARK: Words

    private func answer(_ line: String) async throws(CarrierFault) -> ServerReply {
        do throws(Breakage) { try await dialogue.say(line) } catch {
            if let reply = await dialogue.lastWords() { throw .refused(reply.remote) }
            throw .unreachable(error.text)
        }
        return try await reply(within: dialogue.settings.command)
    }

    private func reply(within patience: Duration) async throws(CarrierFault) -> ServerReply {
        do throws(Breakage) { return try await dialogue.reply(within: patience) } catch { throw .unreachable(error.text) }
    }

    private func refusal(_ reply: ServerReply) async -> CarrierFault {
        guard reply.code >= 400 else { return .unreachable("a reply out of turn: \(reply.remote.written)") }
        if reply.code != 421 { await quit() }
        return .refused(reply.remote)
    }

    private func quit() async {
        _ = try? await dialogue.stream.write(.init(string: "QUIT\r\n"), patience: dialogue.settings.farewell)
    }
}
