import ACME
import Conversation
import Logging
import MailModel
import Storage
import Threading
import Transport

/// Certificates that a CA issues: from there to the shelf that all listeners show.
struct CertificateService: Sendable {
    let keeper: CertificateKeeper
    /// What a CA is shown at port 80 for a token.
    let keyAuthorization: @Sendable (String) -> String?
    private let setting: CertificateKeeper.Setting
    /// Nil: those of the configuration alone are wanted.
    private let automatic: AutomaticNames?
    private let shelf: CertificateShelf
    private let log: Logger

    /// Seconds between looks where names lead.
    private static let interval: Int64 = 3_600

    /// Throws `CommandFault` where the files of authorities are of no use.
    init(
        _ issuing: Configuration.Issuing, _ outbound: Configuration.Outbound, names: any Resolver, threads: Threads, store: any KeyValueStore,
        shelf: CertificateShelf, automatic: AutomaticNames? = nil, log: Logger
    ) throws {
        let http = HTTPChallenges()
        let responder: any ChallengeResponder =
            switch issuing.challenge {
            case .http01: http
            case .tlsALPN01: ShelfChallenges(shelf)
            case .dns01:
                DNSChallenges(HookProgram(path: issuing.hook ?? "")) { domain, reason in
                    log.warning("The record of a challenge could not be taken away: \(LogText.quoted(reason, longest: 400))", metadata: ["domain": "\(domain)"])
                }
            }
        let world = CertificateKeeper.World(
            transport: try AuthorityClient(issuing, outbound, names, threads), responders: [responder], clock: SystemClock.now,
            makeKey: CertificateService.makeKey)
        keeper = CertificateKeeper(issuing.setting, world, store: store, log: log) { certificate in
            try shelf.replace(with: [TLSIdentity(certificatePEM: certificate.chainPEM, keyPEM: certificate.key.pem)])
        }
        keyAuthorization = { token in http.content(of: HTTPChallenges.path + token) }
        setting = issuing.setting
        self.automatic = automatic
        self.shelf = shelf
        self.log = log
    }

    /// One that tells what is kept, and asks no CA.
    static func idle(_ issuing: Configuration.Issuing, store: any KeyValueStore, log: Logger) -> CertificateKeeper {
        let world = CertificateKeeper.World(transport: NoAuthority(), responders: [], clock: SystemClock.now, makeKey: makeKey)
        return CertificateKeeper(issuing.setting, world, store: store, log: log) { _ in }
    }

    /// Lays on the shelf what is kept; where nothing is, what lies there stays.
    func begin() async {
        var identities: [TLSIdentity] = []
        for certificate in await keeper.issued() {
            do { identities.append(try TLSIdentity(certificatePEM: certificate.chainPEM, keyPEM: certificate.key.pem)) } catch {
                log.error("A certificate that is kept cannot be used: \(error)", metadata: ["certificate": "\(certificate)"])
            }
        }
        guard !identities.isEmpty else {
            return log.notice("There is no certificate yet: a self-signed one is shown until a CA has issued one")
        }
        do { try shelf.replace(with: identities) } catch { log.error("The certificates that are kept cannot be used: \(error)") }
    }

    /// Has them issued and renewed until its task is cancelled. To be called when the ports are open at which a CA looks.
    /// - parameter domainsAdded: says that there may be domains that are new.
    func keep(_ domainsAdded: AsyncStream<Void>) async {
        // Before the first order, which has them then.
        await lookForNames()
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await _ in domainsAdded { await lookForNames() }
            }
            group.addTask {
                while !Task.isCancelled {
                    await SystemClock.wait(until: Timestamp(rawValue: SystemClock.now().rawValue + CertificateService.interval))
                    await lookForNames()
                }
            }
            group.addTask {
                do { try await keeper.run() } catch is CancellationError { return } catch { log.error("Certificates are not renewed any more: \(error)") }
            }
        }
    }

    /// Wants what is in the configuration, and what leads here.
    func lookForNames() async {
        guard let automatic else { return }
        do {
            let names = try await automatic.find(known: Set(await keeper.issued().flatMap(\.names)))
            var wanted = setting
            wanted.wanted = setting.wanted.map { $0.adding(optional: names) }
            await keeper.change(wanted)
        } catch is CancellationError { return } catch { log.error("Names for the certificate were not looked for: \(error)") }
    }

    /// On a thread of its own, which yields to others: RSA burns up to a second of a core.
    private static let makeKey: @Sendable (CertificateKey.Kind) async throws -> CertificateKey = { kind in
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<CertificateKey, any Error>) in
            do throws(BlockingThread.Fault) {
                try BlockingThread.start("martlet-key", nice: 10) { waiter.resume(with: Result { try CertificateKey(kind) }) }
            } catch {
                waiter.resume(throwing: SystemFault(error))
            }
        }
    }
}

/// TLS-ALPN-01: shows certificates of challenges at all ports with TLS, to who asks for them alone (RFC 8737 §3).
private struct ShelfChallenges: ChallengeResponder {
    private let challenges = TLSALPNChallenges()
    private let shelf: CertificateShelf

    init(_ shelf: CertificateShelf) { self.shelf = shelf }

    var kind: ChallengeKind { .tlsALPN01 }

    func place(_ response: ChallengeResponse) async throws {
        try challenges.place(response)
        guard let shown = challenges.certificate(for: response.domain.value) else { return }
        try shelf.show(challenge: TLSIdentity(certificatePEM: shown.certificatePEM, keyPEM: shown.keyPEM), for: response.domain.value)
    }

    func withdraw(_ response: ChallengeResponse) async {
        challenges.withdraw(response)
        // try?: taking one away cannot go wrong.
        try? shelf.show(challenge: nil, for: response.domain.value)
    }
}
