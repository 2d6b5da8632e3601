import Metrics
import Threading

extension Administration {
    /// What the running server counts, in Prometheus's text format; made on a thread of its own, for it asks the system.
    func metricsText() async throws -> String {
        let registry = try running().registry
        return try await withCheckedThrowingContinuation { continuation in
            do throws(BlockingThread.Fault) {
                try BlockingThread.start("martlet-metrics") { continuation.resume(returning: registry.text) }
            } catch {
                continuation.resume(throwing: SystemFault(error))
            }
        }
    }

    func loginFailures() throws -> LoginFailures {
        _ = try running()
        let worst = gatekeeper.worstFailures
        func lines(_ entries: [TopList.Entry]) -> [LoginFailures.Line] {
            entries.map { LoginFailures.Line(name: $0.name, count: $0.count, atLeast: $0.count - $0.excess) }
        }
        return LoginFailures(users: lines(worst.users), addresses: lines(worst.peers), busyAddresses: lines(worst.busyPeers))
    }

    private func running() throws -> ServerMetrics {
        guard let metrics else { throw NotRunning() }
        return metrics
    }

    /// A store that a command has opened counts nothing worth telling.
    struct NotRunning: Error {}
}

/// Whose logins fail most of late: the counts are halved every hour.
struct LoginFailures: Codable, Sendable, Equatable {
    struct Line: Codable, Sendable, Equatable {
        let name: String
        /// At most, and at least: names beyond those that are told apart share counts.
        let count: Int
        let atLeast: Int
    }

    let users: [Line]
    let addresses: [Line]
    /// Which were told to try later.
    let busyAddresses: [Line]
}
