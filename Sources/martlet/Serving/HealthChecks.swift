import Glibc
import Storage
import Threading
import WebAPI

/// What the server cannot do its work without.
enum HealthChecks {
    static func all(_ configuration: Configuration, _ house: House) -> [HealthCheck] {
        let (store, path, floor) = (house.store, house.folder.path, Int64(configuration.limits.freeFloor))
        return [
            HealthCheck("store") { try await store.change([absence]) },
            HealthCheck("queue") { _ = try await store.queue(after: nil, most: 1) },
            HealthCheck("disk") { try await onThread { try look(path, floor: floor) } },
        ]
    }

    /// A change of nothing: no domain is called so. The one thread that changes the index carries it out, behind all that was asked of it before, and the index
    /// is open for a change then.
    private static let absence = KeyValueChange(.transportPolicies, " ", nil)

    private struct Trouble: Error, CustomStringConvertible {
        let description: String
    }

    /// Below the floor mail is refused.
    private static func look(_ path: String, floor: Int64) throws {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { throw SystemFault("look at", path) }
        guard facts.f_flag & UInt(ST_RDONLY) == 0 else { throw Trouble(description: "\(path) is read-only") }
        guard access(path, W_OK | X_OK) == 0 else { throw SystemFault("write to", path) }
        let free = Int64(clamping: UInt64(facts.f_bavail).multipliedReportingOverflow(by: UInt64(facts.f_frsize)).partialValue)
        guard free >= floor else { throw Trouble(description: "\(free) octets are free, and limits.free-floor is \(floor)") }
    }

    /// A disk that is in trouble answers late or never.
    private static func onThread(_ work: @escaping @Sendable () throws -> Void) async throws {
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Void, any Error>) in
            do throws(BlockingThread.Fault) {
                try BlockingThread.start("martlet-health") { waiter.resume(with: Result { try work() }) }
            } catch { waiter.resume(throwing: SystemFault(error)) }
        }
    }
}
