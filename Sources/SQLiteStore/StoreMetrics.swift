package import Metrics

/// What the store counts.
package final class StoreMetrics: Sendable {
    /// Of the index, with its sync; of what changed something.
    let commit: Histogram
    /// Of a batch's bodies.
    let sync: Histogram
    let operations: Counter
    let failures: Counter

    package init(_ registry: MetricRegistry = MetricRegistry()) {
        commit = registry.histogram("martlet_store_commit_seconds", "One commit of the index, with its sync. Many operations share one.")
        sync = registry.histogram("martlet_store_body_sync_seconds", "One sync of the bodies of a batch.")
        operations = registry.counter("martlet_store_operations_total", "Operations that were asked of the writer.")
        failures = registry.counter("martlet_store_failed_batches_total", "Batches that could not be stored: their operations were refused.")
    }
}

// What is read when somebody asks.
extension SQLiteStore {
    /// Entries of the outgoing queue.
    package var queueLength: Int { catalog.read { $0.queue.count } }

    /// As `searchStatus.waiting`.
    package var searchWaiting: Int { desk.indexer.waiting }

    /// On the store's disk, for an unprivileged writer; it asks the system.
    package var freeOctets: Int64 { Disk.free(at: path) }
}
