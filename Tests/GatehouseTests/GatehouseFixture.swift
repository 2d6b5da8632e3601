import Gatehouse
import Glibc
import Logging
import MailModel
import MemoryStore
import Storage
import Synchronization
import Testing

/// Keeps log lines as an operator would see them: `[LEVEL] text key=value`.
final class LogLines: Sendable {
    private let kept = Mutex<[String]>([])
    var lines: [String] { kept.withLock { $0 } }
    func add(_ line: String) { kept.withLock { $0.append(line) } }

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let level = event.level == .warning ? "WARN" : "\(event.level)".uppercased()
            let facts = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            lines.add("[\(level)] \(event.message)\(facts)")
        }
    }
}

/// A clock that stands still until it is moved.
final class HandClock: Sendable {
    private let now = Mutex(ContinuousClock.now)
    var instant: ContinuousClock.Instant { now.withLock { $0 } }
    func move(_ duration: Duration) { now.withLock { $0 += duration } }
}

/// The time of day, which stands still until it is moved.
final class HandTime: Sendable {
    private let now = Mutex(Timestamp(rawValue: 5_000))
    var timestamp: Timestamp { now.withLock { $0 } }
    func move(_ seconds: Int64) { now.withLock { $0 = Timestamp(rawValue: $0.rawValue + seconds) } }
}

/// A house with alice in it, whose password is `rightPassword`.
struct Gate {
    static let rightPassword = "correct horse battery"
    let store: MemoryStore
    let alice: AccountRecord
    let keeper: Gatekeeper
    let log = LogLines()
    let clock = HandClock()
    let time = HandTime()
    let book: CredentialBook

    /// Nothing is delayed, unless `pause` does.
    init(
        queueCapacity: Int = 64, proofCapacity: Int = 100, pause: @escaping @Sendable (Duration) async -> Void = { _ in },
        metrics: GatehouseMetrics = GatehouseMetrics(), scram: SCRAMKeyring.Offer? = nil
    ) async throws {
        store = MemoryStore(clock: { Timestamp(rawValue: 1_000) })
        let domain = try #require(Domain("example.org"))
        try await store.add(domain: domain)
        var settings = Gatekeeper.Settings(defaultDomain: domain)
        settings.queueCapacity = queueCapacity
        settings.proofCapacity = proofCapacity
        let now: Timestamp.Clock = { [time] in time.timestamp }
        book = CredentialBook(store: store, secret: Array(repeating: 7, count: 32), clock: now)
        keeper = Gatekeeper(
            accounts: store, credentials: book, settings: settings, log: log.logger, clock: now,
            monotonic: { [clock] in clock.instant }, pause: pause, metrics: metrics,
            scram: scram.map { [store] in SCRAMKeyring(store: store, secret: Array("0123456789abcdef0123456789abcdef".utf8), offer: $0) })
        alice = try await store.add(account: AccountName("alice@example.org"), passwordHash: Gate.rightHash)
    }

    /// libargon2's own hash of `rightPassword`, made by four threads.
    static let rightHash =
        "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$UiBIPUuhY3xdXfQ7N3p/au05phWWk9ACmj5PdtUGaas"

    var principal: Principal { Principal(account: alice.id, name: alice.name) }

    func verify(_ user: String = "alice@example.org", _ password: String = rightPassword, over name: ProtocolName = .imap) async -> Verdict {
        await keeper.verify(user: user, password: Password(password), over: name, from: "192.0.2.7")
    }
}

extension String {
    /// A file that has no size.
    init(contentsOfProcFile path: String) throws {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var text: [UInt8] = []
        var octets = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&octets, 1, octets.count, file), count > 0 { text += octets[..<count] }
        self = String(decoding: text, as: UTF8.self)
    }
}
