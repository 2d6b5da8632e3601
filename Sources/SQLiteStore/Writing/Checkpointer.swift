import Glibc
import Logging
import Synchronization
import Threading

/// Copies the WAL into the database on a thread of its own, so that the writer does not.
///
/// `@unchecked Sendable`: the connection belongs to the thread.
final class Checkpointer: @unchecked Sendable {
    private let asked = BlockingQueue<Void>()
    private let connection: Connection
    private let copied = Atomic<Int>(0)
    private let atWork = Atomic<Bool>(false)
    private var thread: BlockingThread?
    /// Microseconds after a failure.
    private static let patience: UInt32 = 500_000

    init(_ file: IndexFile, log: Logger) throws {
        connection = try file.connect(.writer)
        thread = BlockingThread("martlet-ckpt") { [self] in
            while asked.take(most: .max) != nil {
                do { copied.store(try connection.checkpoint(truncate: false), ordering: .relaxed) } catch {
                    log.warning("Checkpoint: \(error)")
                    // Another batch would ask for it at once.
                    usleep(Checkpointer.patience)
                }
                atWork.store(false, ordering: .releasing)
            }
        }
    }

    /// Has the WAL copied as far as it goes; nothing while that is under way.
    func begin() {
        if !atWork.exchange(true, ordering: .acquiringAndReleasing) { _ = asked.push(()) }
    }

    var isAtWork: Bool { atWork.load(ordering: .acquiring) }

    /// Frames at the beginning of the WAL that are in the database.
    var framesCopied: Int { copied.load(ordering: .relaxed) }

    /// The WAL begins anew.
    func forget() { copied.store(0, ordering: .relaxed) }

    func close() {
        asked.close()
        thread?.join()
        connection.close()
    }
}
