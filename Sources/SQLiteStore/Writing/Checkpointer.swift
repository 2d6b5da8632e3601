import Glibc
import Logging

/// Copies the WAL into the database on a thread of its own, so that the writer does not; the writer itself empties a WAL that grows all the same.
///
/// `@unchecked Sendable`: the connection belongs to the thread.
final class Checkpointer: @unchecked Sendable {
    private let stop = BlockingQueue<Void>()
    private let connection: Connection
    private var thread: BlockingThread?

    /// Below it a checkpoint is not worth its syncs.
    private static let worthwhile: Int64 = 4 << 20

    init(path: String, log: Logger) throws {
        connection = try Connection(path: path, mode: .writer)
        thread = BlockingThread("martlet-ckpt") { [self] in
            while stop.take(most: 1, milliseconds: 500) != nil {
                var facts = stat()
                guard stat(path + "-wal", &facts) == 0, Int64(facts.st_size) > Checkpointer.worthwhile else { continue }
                do { try connection.checkpoint(truncate: false) } catch { log.warning("Checkpoint: \(error)") }
            }
        }
    }

    func close() {
        stop.close()
        thread?.join()
        connection.close()
    }
}
