import Glibc
import Logging
import MailModel
import Synchronization
import Testing
import Transport

@testable import martlet

@Suite("Files of certificates that change while the server runs")
struct CertificateWatchTests {
    private let folder: TemporaryFolder
    private let place: CertificateShelf.Files
    private static let now: Int64 = 1_795_307_700

    init() throws {
        folder = try TemporaryFolder()
        place = .init(certificatePath: folder.path + "/cert.pem", keyPath: folder.path + "/key.pem")
    }

    private func write(_ name: String, keeping keyPEM: String? = nil) throws -> String {
        let made = try SelfSignedCertificate.make(hostNames: [name], keyPEM: keyPEM, now: Timestamp(rawValue: CertificateWatchTests.now))
        for (path, text) in [(place.keyPath, made.keyPEM), (place.certificatePath, made.certificatePEM)] {
            unlink(path)
            try TextFile.create(path, text, mode: 0o600)
        }
        return made.keyPEM
    }

    /// Runs the watch, with a step of the test's at each of its looks; it ends behind the last.
    private func watch(_ shelf: CertificateShelf, at times: [Int64], _ steps: [@Sendable () throws -> Void]) async -> [String] {
        let lines = Mutex<[String]>([])
        var log = Logger(label: "test") { _ in LogLines { line in lines.withLock { $0.append(line) } } }
        log.logLevel = .info
        let number = Mutex(0)
        let watch = CertificateWatch(
            shelf: shelf, files: [place], clock: { Timestamp(rawValue: times[min(number.withLock { $0 }, times.count - 1)]) }, log: log)
        await watch.keep { _ in
            let step = number.withLock { number in
                number += 1
                return number - 1
            }
            guard step < steps.count else { throw CancellationError() }
            try steps[step]()
        }
        return lines.withLock { $0 }
    }

    @Test("they are read again once they have changed; what cannot be used leaves what was there, and is tried again")
    func changed() async throws {
        let key = try write("a.example")
        let shelf = try CertificateShelf([place])
        let names = Mutex<[[String]]>([])
        let note: @Sendable () -> Void = { names.withLock { $0.append(shelf.identities.map(\.description)) } }
        let lines = await watch(
            shelf, at: [CertificateWatchTests.now],
            [
                {},
                {
                    note()
                    _ = try write("b.example", keeping: key)
                },
                {
                    note()
                    unlink(place.keyPath)
                    try TextFile.create(place.keyPath, "no key", mode: 0o600)
                },
                { note() },
                {
                    note()
                    unlink(place.keyPath)
                    try TextFile.create(place.keyPath, key, mode: 0o600)
                },
            ])
        #expect(names.withLock { $0 } == [["a.example"], ["b.example"], ["b.example"], ["b.example"]])
        #expect(
            lines.map { $0.prefix(50) }
                == [
                    "notice: The files of certificates have changed, and", "error: The files of certificates have changed and c",
                    "notice: The files of certificates have changed, and",
                ].map { $0.prefix(50) })
    }

    @Test("a certificate that ends soon is named once a day")
    func ending() async throws {
        _ = try write("a.example")
        let day: Int64 = 86_400
        let now = CertificateWatchTests.now
        let lines = await watch(
            try CertificateShelf([place]),
            at: [now, now + 350 * day, now + 352 * day, now + 352 * day + 60, now + 353 * day, now + 366 * day], Array(repeating: {}, count: 5))
        #expect(
            lines.map { $0.split(separator: " ").prefix(8).joined(separator: " ") } == [
                "warning: A certificate in use ends in 13", "warning: A certificate in use ends in 12", "error: A certificate in use has ended",
            ], "\(lines)")
    }
}

/// Writes lines down.
private struct LogLines: LogHandler {
    let take: @Sendable (String) -> Void
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()

    init(_ take: @escaping @Sendable (String) -> Void) { self.take = take }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(
        level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata?, source: String, file: String, function: String, line: UInt
    ) { take("\(level): \(message)") }
}
