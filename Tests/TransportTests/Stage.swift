import Logging
import MailModel
import NIOCore

@testable import Transport

/// A listener on a free loopback port with the toy behind it.
struct Stage {
    let threads: Threads
    let listeners: Listeners
    let listener: Listener
    var port: Int { listener.port }

    /// Runs `body` against it, and takes everything down.
    static func with(
        _ worker: ToyWorker = ToyWorker(), security: Security = .plain, limits: LineLimits = LineLimits(),
        door: Doorkeeper.Limits = Doorkeeper.Limits(), farewell: String = "",
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, loop: LoopBudget = LoopBudget(), proxies: NetworkList = .none,
        _ body: (Stage) async throws -> Void
    ) async throws {
        let threads = Threads(count: 1, loop)
        let listeners = Listeners(threads: threads, doorkeeper: Doorkeeper(door, logger: logger), logger: logger)
        var endpoint = Endpoint(host: "127.0.0.1", port: 0, security: security)
        endpoint.limits = limits
        endpoint.proxies = proxies
        endpoint.farewell = { _ in farewell }
        let listener = try await listeners.open(endpoint, worker)
        do {
            try await body(Stage(threads: threads, listeners: listeners, listener: listener))
        } catch {
            await listeners.stop(grace: .milliseconds(100))
            try await threads.shutDown()
            throw error
        }
        await listeners.stop(grace: .milliseconds(500))
        try await threads.shutDown()
    }

    static func identity(_ names: String..., days: Int64 = 0) throws -> TLSIdentity {
        let made = try SelfSignedCertificate.make(
            hostNames: names, addresses: ["127.0.0.1"], now: Timestamp(rawValue: 1_790_000_000 + days * 86_400))
        return try TLSIdentity(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM)
    }

    static func shelf() throws -> CertificateShelf { try CertificateShelf([identity("mx.example.org")]) }
}
