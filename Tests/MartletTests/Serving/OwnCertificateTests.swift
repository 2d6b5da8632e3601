import Glibc
import Logging
import MailModel
import Synchronization
import Testing
import Transport

@testable import martlet

/// A clock that stands still until it is moved.
private final class HandClock: Sendable {
    private let now = Mutex<Int64>(1_795_307_700)
    var timestamp: Timestamp { Timestamp(rawValue: now.withLock { $0 }) }
    func move(days: Int64) { now.withLock { $0 += days * 86_400 } }
}

@Suite("The certificate that the server makes itself")
struct OwnCertificateTests {
    private let folder: TemporaryFolder
    private let clock = HandClock()
    private let own: OwnCertificate

    init() throws {
        folder = try TemporaryFolder()
        let tls = folder.path + "/tls"
        own = OwnCertificate(
            folder: tls, place: .init(certificatePath: tls + "/cert.pem", keyPath: tls + "/key.pem"), names: ["mail.example.org"],
            clock: { [clock] in clock.timestamp })
    }

    private var remaining: Int64 {
        get throws {
            let identity = try TLSIdentity(certificatePath: own.place.certificatePath, keyPath: own.place.keyPath)
            return (identity.notAfter.rawValue - clock.timestamp.rawValue) / 86_400
        }
    }

    @Test("is valid for 365 days, and made anew with the same key in its last 30")
    func renewed() throws {
        #expect(try own.renew())
        let key = try TextFile.read(own.place.keyPath)
        #expect(try remaining == 365)
        clock.move(days: 335)
        let first = try TextFile.read(own.place.certificatePath)
        #expect(try !own.renew())
        #expect(try TextFile.read(own.place.certificatePath) == first)
        clock.move(days: 1)
        #expect(try own.renew())
        #expect(try remaining == 365)
        #expect(try TextFile.read(own.place.keyPath) == key)
        for path in [own.place.keyPath, own.place.certificatePath] {
            var facts = stat()
            #expect(stat(path, &facts) == 0 && facts.st_mode & 0o777 == 0o600, "\(path)")
            #expect(access(path + ".new", F_OK) != 0)
        }
        // Long after its end too.
        clock.move(days: 1_000)
        #expect(try own.renew())
        #expect(try remaining == 365)
        #expect(try TextFile.read(own.place.keyPath) == key)
    }

    @Test("a running server looks by itself and shows the new one to whoever connects then")
    func running() async throws {
        _ = try own.renew()
        let shelf = try CertificateShelf([own.place])
        let before = try #require(shelf.identities.first).notAfter
        let looks = Mutex(0)
        struct Enough: Error {}
        await own.keepRenewed(on: shelf, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { [clock] _ in
            let count = looks.withLock { count in
                count += 1
                return count
            }
            // What the look before did is seen here.
            switch count {
            case 1: break
            case 2:
                #expect(shelf.identities.first?.notAfter == before)
                clock.move(days: 340)
            default: throw Enough()
            }
        }
        #expect(looks.withLock { $0 } == 3)
        #expect(try #require(shelf.identities.first).notAfter.rawValue == before.rawValue + 340 * 86_400)
    }

    @Test("a key whose certificate is gone is made with it again")
    func halfMade() throws {
        _ = try own.renew()
        #expect(unlink(own.place.certificatePath) == 0)
        #expect(try own.renew())
        #expect(try remaining == 365)
    }
}
