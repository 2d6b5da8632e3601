package import Conversation
package import Logging
package import MailModel
import NIOCore
import Synchronization

/// All listeners of the program; they share one doorkeeper and are stopped together.
package final class Listeners: Sendable {
    package let doorkeeper: Doorkeeper
    private let open = Mutex<[Listener]>([])
    private let threads: Threads
    private let logger: Logger
    private let sweeping: RepeatedTask

    package init(threads: Threads, doorkeeper: Doorkeeper, logger: Logger) {
        self.threads = threads
        self.doorkeeper = doorkeeper
        self.logger = logger
        let every = TimeAmount(doorkeeper.limits.sweep)
        sweeping = threads.group.next().scheduleRepeatedTask(initialDelay: every, delay: every) { _ in doorkeeper.sweep() }
    }

    /// Those that are bound.
    package var all: [Listener] { open.withLock { $0 } }

    /// Binds one more.
    @discardableResult
    package func open(_ endpoint: Endpoint, _ worker: some LineWorker) async throws(Listener.Fault) -> Listener {
        try await add(endpoint, LineGuest(worker: worker, setting: LineSetting(endpoint.security, endpoint.limits, logger), farewell: endpoint.farewell))
    }

    /// Binds one more, where HTTP is spoken: HTTP/1.1 in plain text, HTTP/2 too behind TLS. Of `endpoint.limits` and `endpoint.farewell` nothing is used but
    /// the time a PROXY header may take.
    @discardableResult
    package func open(_ endpoint: Endpoint, _ site: HTTPSite) async throws(Listener.Fault) -> Listener {
        try await add(endpoint, HTTPGuest(site, endpoint.security, doorkeeper.requests, logger))
    }

    private func add(_ endpoint: Endpoint, _ guest: some Guest) async throws(Listener.Fault) -> Listener {
        let listener = try await Listener.bind(endpoint, guest, threads: threads, doorkeeper: doorkeeper, logger: logger)
        open.withLock { $0.append(listener) }
        return listener
    }

    /// See `Listener.expel`.
    package func expel(_ isMeant: (IPAddress) -> Bool) {
        for listener in all { listener.expel(isMeant) }
    }

    /// Stops all at the same time; see `Listener.stop`.
    package func stop(grace: Duration = .seconds(5)) async {
        await withTaskGroup { group in
            for listener in all { group.addTask { await listener.stop(grace: grace) } }
        }
        open.withLock { $0 = [] }
        sweeping.cancel()
    }
}
