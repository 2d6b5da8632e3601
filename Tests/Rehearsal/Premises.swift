import Foundation
import Logging
package import MailModel
import MemoryStore
import SQLiteStore
package import Storage

/// The stores over which conversations are rehearsed: what a face answers must not depend on which it is.
package enum Premises: String, CaseIterable, Sendable {
    case memory, sqlite

    /// What a conversation may ask of its store.
    package typealias Ports =
        AccountStore & MailboxStore & BodyStore & RightsStore & QuotaStore & MetadataStore & QueueStore & KeyValueStore & SearchIndex & ChangeFeed
        & ChangeLog

    /// The folder of a store could not be made: the errno.
    package struct NoFolder: Error {
        package let code: Int32
    }

    /// Runs `body` over a fresh store, and clears it away: closed, and without a file left.
    package func with<Result>(clock: @escaping Timestamp.Clock, _ body: (any Ports) async throws -> Result) async throws -> Result {
        switch self {
        case .memory: return try await body(MemoryStore(clock: clock))
        case .sqlite:
            // In memory where the system has such a place: a conversation's durability is shown elsewhere, and each of thousands syncs.
            let above = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
            var template = Array("\(above)/martlet-rehearsal-XXXXXX".utf8CString)
            guard let made = mkdtemp(&template) else { throw NoFolder(code: errno) }
            let folder = String(cString: made)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            guard let key = MasterKey(Array("0123456789abcdef0123456789abcdef".utf8)) else { throw StorageFault.unavailable("a key of another length") }
            let log = Logger(label: "rehearsal") { _ in SwiftLogNoOpLogHandler() }
            let store = try SQLiteStore.open(folder, masterKey: key, options: .init(freeFloor: 0), clock: clock, log: log)
            do {
                let result = try await body(store)
                await store.close()
                return result
            } catch {
                await store.close()
                throw error
            }
        }
    }
}
