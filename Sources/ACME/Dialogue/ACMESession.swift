package import MailModel
import NIOCore

/// A talk with a CA (RFC 8555): asks in turn, with the nonces and the patience that it takes. For one task, and for one thing that is wanted of the CA:
/// a new one begins with the CA's directory.
///
/// Bounded, whatever the CA says: the octets of an answer, the requests, the nonces that it refuses, and the time that is waited for its decisions.
package actor ACMESession {
    private let transport: any ACMETransport
    private let clock: Timestamp.Clock
    private let pause: @Sendable (Duration) async throws -> Void
    private let start: ResourceURL
    private var directory: ServiceDirectory?
    /// The newest last.
    private var nonces: [String] = []
    private var requests = 0
    private var waited = Duration.zero
    /// Who signs what is asked of an account; set by `open`.
    private var signer: JSONWebSignature.Signer?

    /// Octets of what is no certificate.
    static let mostOctets = 128 * 1024
    /// Octets of a certificate with those that lead to the root.
    static let mostChainOctets = 128 * 1024
    private static let mostRequests = 3_000
    /// Of one request. RFC 8555 §6.5 has the client try again; a CA for tests refuses half of them.
    private static let mostNonces = 24
    private static let longestNonce = 512
    /// For one decision, and for all of a session.
    private static let patience = Duration.seconds(900)
    private static let wholePatience = Duration.seconds(3_600)
    /// Between two questions, where the CA says nothing about it.
    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(30)
    /// Questions in a row without an answer while a decision is waited for.
    private static let mostSilence = 3
    /// For who is asked to wait but not told how long, in seconds; and the bounds of what a CA may ask for.
    private static let usualLimit: Int64 = 3_600
    private static let limits: ClosedRange<Int64> = 60...8 * 86_400

    /// - parameter directory: of the CA.
    /// - parameter pause: returns after that time; throws where its task is cancelled.
    package init(
        _ transport: any ACMETransport, directory: ResourceURL, clock: @escaping Timestamp.Clock,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        (self.transport, start, self.clock, self.pause) = (transport, directory, clock, pause)
    }

    func now() -> Timestamp { clock() }

    // MARK: Asking

    func service() async throws -> ServiceDirectory {
        if let directory { return directory }
        let found = try JSONText.decode(ServiceDirectory.self, try await get(start).content, "a directory")
        directory = found
        return found
    }

    /// Asks for the CA's directory, and for nothing else: whether the CA is reached, and speaks as RFC 8555 has it. Throws `ACMEFault`.
    package func reach() async throws { _ = try await service() }

    /// From now on, what is asked is signed so.
    func sign(by signer: JSONWebSignature.Signer) { self.signer = signer }

    /// What anybody may ask.
    func get(_ url: ResourceURL) async throws -> ACMEReply {
        let reply = try await exchange(.get, url, [("Accept", "application/json")])
        guard reply.status < 300 else { throw fault(reply, Problem(reply)) }
        return reply
    }

    /// A signed request, or, without a payload, a question (POST-as-GET, RFC 8555 §6.3).
    /// - parameter other: who signs, if not the account.
    func post(
        _ payload: [UInt8] = [], to url: ResourceURL, accept: String = "application/json", mostOctets: Int = ACMESession.mostOctets,
        by other: JSONWebSignature.Signer? = nil
    ) async throws -> ACMEReply {
        guard let signer = other ?? signer else { throw ACMEFault.malformed("a session without an account") }
        var refusals = 0
        while true {
            let message = try JSONWebSignature(payload, to: url, nonce: try await nonce(), by: signer)
            let reply = try await exchange(
                .post, url, [("Content-Type", "application/jose+json"), ("Accept", accept)], try JSONText.encode(message), mostOctets: mostOctets)
            if reply.status < 300 { return reply }
            let problem = Problem(reply)
            // RFC 8555 §6.5: the refusal has another, and others of before are no better.
            guard problem.kind == .badNonce, refusals < ACMESession.mostNonces else { throw fault(reply, problem) }
            refusals += 1
            nonces.removeFirst(max(0, nonces.count - 1))
        }
    }

    /// Asks until the CA has decided.
    /// - parameter reply: what it has said already, with that value.
    func decision<Value: Decodable & Sendable>(
        on url: ResourceURL, _ what: String, after reply: (reply: ACMEReply, value: Value)? = nil, isMade: @Sendable (Value) -> Bool
    ) async throws -> Value {
        var last = reply
        var step = ACMESession.firstPause
        var (asked, silence) = (Duration.zero, 0)
        while true {
            if let last {
                if isMade(last.value) { return last.value }
                let wait = last.reply.field("retry-after").flatMap(until).map { max(.seconds($0.rawValue - clock().rawValue), ACMESession.firstPause) } ?? step
                step = min(step * 2, ACMESession.longestPause)
                (asked, waited) = (asked + wait, waited + wait)
                guard asked <= ACMESession.patience, waited <= ACMESession.wholePatience else { throw ACMEFault.undecided(what) }
                try await pause(wait)
            }
            do {
                let reply = try await post(to: url)
                last = (reply, try JSONText.decode(Value.self, reply.content, what))
                silence = 0
            } catch ACMEFault.unreachable(let reason) {
                silence += 1
                guard silence < ACMESession.mostSilence else { throw ACMEFault.unreachable(reason) }
                // What it said before is asked for again, after a while.
                if last == nil { try await pause(step) }
            }
        }
    }

    // MARK: Nonces

    private func nonce() async throws -> String {
        if let nonce = nonces.popLast() { return nonce }
        let url = try await service().newNonce
        let reply = try await exchange(.head, url, [])
        guard reply.status < 300 else { throw fault(reply, Problem(reply)) }
        guard let nonce = nonces.popLast() else { throw ACMEFault.malformed("no nonce where one was asked for") }
        return nonce
    }

    private func exchange(
        _ method: ACMERequest.Method, _ url: ResourceURL, _ fields: [(name: String, value: String)], _ content: [UInt8] = [],
        mostOctets: Int = ACMESession.mostOctets
    ) async throws -> ACMEReply {
        requests += 1
        guard requests <= ACMESession.mostRequests else { throw ACMEFault.malformed("more requests than any certificate takes") }
        let reply: ACMEReply
        do {
            reply = try await transport.send(
                ACMERequest(
                    method: method, url: url, fields: fields + [("Accept-Language", "en")], content: ByteBuffer(bytes: content), mostOctets: mostOctets))
        } catch {
            try Task.checkCancellation()
            if error is CancellationError { throw error }
            throw (error as? ACMEFault) ?? ACMEFault.unreachable(ACMEFault.oneLine(String(describing: error)))
        }
        guard reply.content.readableBytes <= mostOctets else { throw ACMEFault.malformed("an answer that is too long") }
        // RFC 8555 §6.5.1: what is no base64url is no nonce.
        if let nonce = reply.field("replay-nonce"), (1...ACMESession.longestNonce).contains(nonce.utf8.count), Base64URL.isEncoded(nonce) { nonces = [nonce] }
        return reply
    }

    // MARK: Faults

    private func fault(_ reply: ACMEReply, _ problem: Problem) -> ACMEFault {
        // RFC 8555 §6.6
        let isLimit = reply.status == 429 || problem.kind == .rateLimited || (reply.status == 503 && reply.field("retry-after") != nil)
        guard isLimit else {
            if reply.status >= 500 { return .unreachable("it answers \(reply.status): \(problem)") }
            return reply.status < 400 ? .malformed("an answer with the status \(reply.status)") : .refused(status: reply.status, problem)
        }
        let now = clock().rawValue
        let wait = reply.field("retry-after").flatMap(until).map { $0.rawValue - now } ?? ACMESession.usualLimit
        return .limited(until: Timestamp(rawValue: now + min(max(wait, ACMESession.limits.lowerBound), ACMESession.limits.upperBound)), problem)
    }

    // Retry-After = HTTP-date / delay-seconds                                     (RFC 9110 §10.2.3)
    func until(_ text: String) -> Timestamp? {
        if let date = Timestamp(httpDate: text) { return date }
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let seconds = Int64(text) else { return nil }
        return Timestamp(rawValue: clock().rawValue + seconds)
    }
}
