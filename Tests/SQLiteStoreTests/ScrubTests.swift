import Crypto
import Glibc
import Logging
import MailModel
import NIOCore
import Storage
import Synchronization
import Testing

@testable import SQLiteStore

@Suite("Scrubbing, and bodies from before records carried who holds them")
struct ScrubTests {
    @Test("a scrub reads everything, spread over its time, tells each damage once, and goes on where a stop cut it off")
    func scrub() async throws {
        let fixture = try Fixture()
        let (store, alice, inbox) = try await fixture.openWithAlice()
        for number in 0..<250 { _ = try await Fixture.place(Fixture.message(number, size: 300), in: store, inbox) }
        await store.close()
        let path = try #require(fixture.files(in: "segments").first)
        let fd = try Disk.open(path, O_RDWR)
        try [UInt8(0x55), 0x55].withUnsafeBytes { try Disk.writeAll($0, to: fd, at: 50, path: path) }
        close(fd)

        let again = try fixture.open()
        let lines = LogLines()
        let log = Logger(label: "test") { _ in LineHandler(lines: lines) }
        let rests = Mutex<[Duration]>([])
        #expect(again.scrubStatus == ScrubStatus())
        let report = try await again.scrub(within: .seconds(1_000), log: log) { duration in
            #expect(again.scrubStatus.reading != nil)
            rests.withLock { $0.append(duration) }
        }
        #expect(report.bodies == 250 && report.faults.count == 1)
        #expect(again.scrubStatus == ScrubStatus(ended: Fixture.now, bodies: 250, faults: 1, reading: nil))
        let total = rests.withLock { $0.reduce(Duration.zero, +) }
        #expect(total > .seconds(600) && total <= .seconds(1_000))
        #expect(lines.errors.count == 1 && lines.errors.first?.contains("body 1") == true)
        _ = try await again.scrub(within: .seconds(1), log: log) { _ in }
        #expect(lines.errors.count == 1, "it was told already")
        #expect(try await again.check().faults.count == 1, "store check tells it always")
        // Cut off after the first hundred bodies.
        struct Stop: Error {}
        await #expect(throws: Stop.self) {
            _ = try await again.scrub(within: .seconds(1), log: log) { _ in if again.scrubStatus.reading == 100 { throw Stop() } }
        }
        await again.close()
        let third = try fixture.open()
        #expect(try await third.scrub(within: .seconds(1), log: log) { _ in }.bodies == 150)
        #expect(try await third.scrub(within: .seconds(1), log: log) { _ in }.bodies == 250)
        unlink(KeyFolder(in: fixture.folder).file(alice))
        #expect(try await third.check().faults.contains { $0.contains("1.key") })
        await third.close()
    }

    @Test("bodies of an older program are read, get their holders written into segments once, and are recovered")
    func oldBodies() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice()
        for number in 0..<5 { _ = try await Fixture.place(Fixture.message(number), in: store, inbox) }
        _ = try await Fixture.place(Fixture.message(9, size: 500_000), in: store, inbox)
        let before = try await RecoveryTests.Sight(store, alice)
        await store.close()
        try fixture.makeBare()
        store = try fixture.open()
        #expect(try await RecoveryTests.Sight(store, alice) == before)
        #expect(try await store.check().faults == [])
        #expect(try await store.adoptOldBodies() == 6)
        #expect(try await store.adoptOldBodies() == 0)
        _ = try await Fixture.place(Fixture.message(10), in: store, inbox)
        let after = try await RecoveryTests.Sight(store, alice)
        await store.close()
        for suffix in ["", "-wal", "-shm"] { unlink(fixture.folder + "/index.db" + suffix) }
        let report = try SQLiteStore.recover(
            fixture.folder, masterKey: try #require(MasterKey(Fixture.key)), apply: true, now: Fixture.now, log: Logger(label: "test"), progress: { _ in })
        #expect(report.accounts.map(\.restored) == [7] && report.withoutKey == 0, "\(report)")
        let new = try fixture.open()
        #expect(try await RecoveryTests.Sight(new, alice) == after)
        await new.close()
    }

    @Test("compaction gives old records their holders")
    func compactsOldBodies() async throws {
        let fixture = try Fixture()
        var (store, alice, inbox) = try await fixture.openWithAlice()
        for number in 0..<4 { _ = try await Fixture.place(Fixture.message(number), in: store, inbox) }
        await store.close()
        try fixture.makeBare()
        store = try fixture.open()
        _ = try await store.remove(NumberSet(1...1), from: inbox)
        while try await store.check().bodies > 3 { try await store.settle() }
        #expect(try await store.compact(all: true).segments == 1)
        await store.close()
        let found = try fixture.files(in: "segments").flatMap { try fixture.records($0) }
        #expect(found.count == 3)
        for case .body(_, let block) in found { #expect(block?.holders.map(\.account) == [alice]) }
    }
}

extension Fixture {
    /// Rewrites all records of a store that is not open as an older program wrote them.
    func makeBare() throws {
        let connection = try connect()
        defer { connection.close() }
        for path in files(in: "segments") + files(in: "large") {
            let fd = try Disk.open(path, O_RDONLY)
            defer { Glibc.close(fd) }
            var bare = ByteBuffer()
            var scan = RecordScan(fd: fd, path: path)
            while let found = try scan.next() {
                guard case .body(let header, _) = found.content else { continue }
                let length = BodySeal.sealedSize(of: Int(header.size))
                let position = Int64(bare.readableBytes)
                RecordHeader(body: header.body, size: header.size, length: Int64(length), version: .bare).write(to: &bare)
                bare.writeImmutableBuffer(try Disk.read(length, from: fd, at: found.position + Int64(RecordHeader.octets), path: path))
                try connection.run(
                    "UPDATE body SET position=?, length=? WHERE id=?", .int(position), .int(Int64(RecordHeader.octets + length)), .int(header.body.rawValue))
            }
            try Disk.replace(path, by: bare)
            if path.hasSuffix(".mbs") { try connection.run("UPDATE segment SET indexed=?, dead=0", .int(Int64(bare.readableBytes))) }
        }
        try connection.checkpoint(truncate: true)
    }
}

/// Lines that were logged as errors.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var errors: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

private struct LineHandler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    init(lines: LogLines) { self.lines = lines }

    func log(event: LogEvent) { if event.level >= .error { lines.add("\(event.message)") } }
}
