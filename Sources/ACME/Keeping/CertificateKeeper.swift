package import Logging
package import MailModel
package import Storage

/// Sees to it that there are the certificates that are wanted: has them issued by a CA, and renewed in time (RFC 8555, RFC 9773). One keeps those of the whole
/// program.
///
/// - One order is made at a time, so that no name is in two; what goes wrong with one certificate stops no other.
/// - What there is stays in use until the next one is there and has been taken by whoever uses it.
/// - What is waited for, and why, is kept: a start does not try again what the CA or our own measure forbids.
/// - There is one account a CA, whose key is kept before the CA hears of it; so is a new key of a certificate.
package actor CertificateKeeper {
    package struct Setting: Sendable {
        /// Of the CA.
        package var directory: ResourceURL
        package var account: AccountDetails
        package var wanted: [WantedCertificate]

        package init(directory: ResourceURL, account: AccountDetails, wanted: [WantedCertificate]) {
            (self.directory, self.account, self.wanted) = (directory, account, wanted)
        }
    }

    /// What it needs of the world.
    package struct World: Sendable {
        package let transport: any ACMETransport
        /// In order of preference.
        package let responders: [any ChallengeResponder]
        package let clock: Timestamp.Clock
        /// 0..<1.
        package let chance: @Sendable () -> Double
        /// Returns after that time; throws where its task is cancelled.
        package let pause: @Sendable (Duration) async throws -> Void
        /// Makes a key, which may burn up to a second of a core: on a thread that nobody waits on.
        package let makeKey: @Sendable (CertificateKey.Kind) async throws -> CertificateKey

        package init(
            transport: any ACMETransport, responders: [any ChallengeResponder], clock: @escaping Timestamp.Clock,
            chance: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
            pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
            makeKey: @escaping @Sendable (CertificateKey.Kind) async throws -> CertificateKey
        ) {
            (self.transport, self.responders, self.clock) = (transport, responders, clock)
            (self.chance, self.pause, self.makeKey) = (chance, pause, makeKey)
        }
    }

    /// Puts a certificate into use. Throws where it cannot be used: then the one before stays.
    package typealias Delivery = @Sendable (IssuedCertificate) async throws -> Void

    private(set) var setting: Setting
    /// What is wanted once the piece of work that is being done is done.
    private var nextSetting: Setting?
    let world: World
    let archive: CertificateArchive
    let log: Logger
    let deliver: Delivery
    private var isWorking = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var sleeper: Task<Void, any Error>?
    private var isPoked = false

    /// Seconds for which a key that was prepared waits, so that its TLSA record is published, and known, before a certificate has it (RFC 7671 §8.1): twice the
    /// longest TTL that is in use.
    static let publication: Int64 = 2 * 86_400

    /// Seconds that `run` sleeps at most: clocks are set, and machines are suspended.
    static let longestSleep: Int64 = 3_600

    package init(_ setting: Setting, _ world: World, store: any KeyValueStore, log: Logger, deliver: @escaping Delivery) {
        (self.world, self.log, self.deliver) = (world, log, deliver)
        self.setting = setting
        archive = CertificateArchive(store)
    }

    // MARK: Looking

    /// What is kept of those that are wanted, expired ones and revoked ones too: to begin with. Those that cannot be read are logged and left out.
    package func issued() -> [IssuedCertificate] {
        setting.wanted.compactMap { wanted in
            do { return try archive.certificate(wanted.name)?.issued?.read() } catch {
                log.error(
                    "A certificate that is kept cannot be read: \(LogText.quoted(prose: String(describing: error)))",
                    metadata: ["certificate": "\(wanted.name)"])
                return nil
            }
        }
    }

    // MARK: Running

    /// Keeps them until its task is cancelled.
    package func run() async throws {
        while true {
            var next = world.clock().rawValue + CertificateKeeper.longestSleep
            for wanted in setting.wanted { next = min(next, try await keep(wanted).rawValue) }
            try await sleep(max(1, next - world.clock().rawValue))
        }
    }

    /// Others are wanted from now on, or another CA.
    package func change(_ setting: Setting) {
        if isWorking { nextSetting = setting } else { self.setting = setting }
        wake()
    }

    /// Looks at once whether something is due.
    func wake() {
        isPoked = true
        sleeper?.cancel()
    }

    private func sleep(_ seconds: Int64) async throws {
        try Task.checkCancellation()
        if !isPoked {
            let pause = world.pause
            let sleeper = Task { try await pause(.seconds(seconds)) }
            self.sleeper = sleeper
            let result = await withTaskCancellationHandler {
                await sleeper.result
            } onCancel: {
                sleeper.cancel()
            }
            self.sleeper = nil
            try Task.checkCancellation()
            if !isPoked { try result.get() }
        }
        isPoked = false
    }

    /// Does what is due for one, and answers when there is something to do again. Throws `CancellationError` alone.
    func keep(_ wanted: WantedCertificate) async throws -> Timestamp {
        do {
            return try await alone {
                // A few things may be due at once: the CA's suggestion, and then what it suggests.
                for _ in 0..<3 {
                    let outlook = try outlook(wanted)
                    guard outlook.time <= world.clock() else { return outlook.time }
                    switch outlook.step {
                    case .look: try await look(wanted)
                    case .order, .extend:
                        do { try await attempt(wanted, outlook.step, isForced: false) } catch is ACMEFault {
                            // It is kept, and logged.
                        }
                    }
                }
                return try outlook(wanted).time
            }
        } catch let error as CancellationError { throw error } catch {
            try Task.checkCancellation()
            log.error("A certificate cannot be kept: \(LogText.quoted(prose: String(describing: error)))", metadata: ["certificate": "\(wanted.name)"])
            return Timestamp(rawValue: world.clock().rawValue + CertificateKeeper.longestSleep)
        }
    }

    func outlook(_ wanted: WantedCertificate) throws -> Outlook {
        let stored = try archive.certificate(wanted.name) ?? StoredCertificate()
        return Outlook(
            wanted, stored, try stored.issued?.read(), try archive.troubles(), directory: setting.directory, now: world.clock())
    }

    /// One piece of work after the other.
    func alone<Value: Sendable>(_ work: () async throws -> Value) async throws -> Value {
        if isWorking {
            await withCheckedContinuation { waiting.append($0) }
        } else {
            isWorking = true
        }
        defer {
            if waiting.isEmpty {
                isWorking = false
                if let nextSetting { (setting, self.nextSetting) = (nextSetting, nil) }
            } else {
                waiting.removeFirst().resume()
            }
        }
        if let nextSetting { (setting, self.nextSetting) = (nextSetting, nil) }
        try Task.checkCancellation()
        return try await work()
    }
}

extension StoredCertificate.Key {
    init(_ key: CertificateKey) { (kind, pem) = (key.kind, key.pem) }

    func read() throws -> CertificateKey {
        do { return try CertificateKey(kind, pem: pem) } catch { throw StorageFault.corrupt("a private key that cannot be read") }
    }
}

extension StoredCertificate.Issued {
    func read() throws -> IssuedCertificate {
        let key = try key.read()
        do { return try IssuedCertificate(chain: chain, key: key) } catch { throw StorageFault.corrupt("a certificate that cannot be read") }
    }
}
