import Logging
import MailModel
import MemoryStore
import Storage
import Synchronization
import Testing

@testable import ACME

/// A keeper, its CA, and a clock that moves when somebody waits.
struct Scene {
    final class Time: Sendable {
        private let seconds = Mutex<Int64>(1_800_000_000)
        let pauses = Mutex<[Duration]>([])
        /// From then on nobody waits any more: what does, throws.
        let end = Mutex<Int64>(.max)

        struct Over: Error {}

        @Sendable func now() -> Timestamp { Timestamp(rawValue: seconds.withLock { $0 }) }
        func move(_ by: Int64) { seconds.withLock { $0 += by } }
        @Sendable func pause(_ duration: Duration) async throws {
            try Task.checkCancellation()
            pauses.withLock { $0.append(duration) }
            let now = seconds.withLock { seconds in
                seconds += duration.components.seconds
                return seconds
            }
            guard now < end.withLock({ $0 }) else { throw Over() }
        }
    }

    final class Deliveries: Sendable {
        private let state = Mutex<(all: [IssuedCertificate], isRefusing: Bool)>(([], false))
        var all: [IssuedCertificate] { state.withLock { $0.all } }
        func refuse(_ isRefusing: Bool) { state.withLock { $0.isRefusing = isRefusing } }
        struct Refusal: Error, CustomStringConvertible { let description = "no such certificate here" }

        @Sendable func take(_ certificate: IssuedCertificate) async throws {
            try state.withLock { state in
                if state.isRefusing { throw Refusal() }
                state.all.append(certificate)
            }
        }
    }

    let time = Time()
    let http = HTTPChallenges()
    let ca: ScriptedCA
    let store = MemoryStore()
    let deliveries = Deliveries()
    let keeper: CertificateKeeper
    let setting: CertificateKeeper.Setting
    private let world: CertificateKeeper.World

    static func name(_ text: String) throws -> CertificateName { try #require(CertificateName(text)) }
    static func names(_ texts: [String]) throws -> [CertificateName] { try texts.map(name) }

    init(
        _ required: [String] = ["mx.example.org"], optional: [String] = [], keysKept: Bool = true, kind: CertificateKey.Kind = .ecdsaP256,
        responders: [any ChallengeResponder]? = nil, account: AccountDetails = AccountDetails(contact: ["mailto:a@example.org"], agreesToTerms: true)
    ) throws {
        let wanted = try #require(
            WantedCertificate(try Scene.names(required), optional: try Scene.names(optional), keyKind: kind, keepsKey: keysKept))
        try self.init([wanted], responders: responders, account: account)
    }

    init(
        _ wanted: [WantedCertificate], responders: [any ChallengeResponder]? = nil,
        account: AccountDetails = AccountDetails(contact: ["mailto:a@example.org"], agreesToTerms: true)
    ) throws {
        let http = http
        ca = ScriptedCA(clock: time.now) { kind, _, token in kind == "http-01" ? http.content(of: HTTPChallenges.path + token) : nil }
        world = CertificateKeeper.World(
            transport: ca, responders: responders ?? [http], clock: time.now, chance: { 0.5 }, pause: time.pause, makeKey: { try CertificateKey($0) })
        setting = CertificateKeeper.Setting(directory: try ScriptedCA.directory, account: account, wanted: wanted)
        keeper = CertificateKeeper(setting, world, store: store, log: Scene.log, deliver: deliveries.take)
    }

    static let log: Logger = {
        var log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        log.logLevel = .critical
        return log
    }()

    /// The program starts again, with what is kept.
    func restarted(_ setting: CertificateKeeper.Setting? = nil) -> CertificateKeeper {
        CertificateKeeper(setting ?? self.setting, world, store: store, log: Scene.log, deliver: deliveries.take)
    }

    /// Lets it run for so long.
    func run(_ seconds: Int64, _ other: CertificateKeeper? = nil) async throws {
        time.end.withLock { $0 = time.now().rawValue + seconds }
        do { try await (other ?? keeper).run() } catch is Time.Over {}
        time.end.withLock { $0 = .max }
    }

    /// Does once what is due.
    @discardableResult func tend(_ other: CertificateKeeper? = nil) async throws -> Timestamp {
        let keeper = other ?? keeper
        return try await keeper.keep(try #require(await keeper.setting.wanted.first))
    }

    var status: CertificateStatus { get async throws { try #require(await keeper.status().first) } }
}
