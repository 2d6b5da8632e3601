import CLinux
import Glibc
import Synchronization
import Threading

/// Writes log lines from a thread of its own, so that a terminal or a disk that stalls never holds up mail.
///
/// What waits is bounded; lines beyond that are counted and dropped, and the count is logged.
final class LogWriter: Sendable {
    /// Octets that wait at most.
    static let room = 1 << 20

    private struct State {
        var waiting: [UInt8] = []
        var dropped = 0
        var file: Int32
        var isClosed = false
        var isIdle = true
    }

    private let state: Mutex<State>
    private let path: String?
    /// A pipe's two ends: an octet goes through whenever there is something to do again.
    private let wakeIn: Int32
    private let wakeOut: Int32

    /// To the file at `path`, which is made with mode 0600, or to standard error.
    init(path: String?) throws(SystemFault) {
        self.path = path
        state = Mutex(State(file: try LogWriter.open(path)))
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemFault("start", "the log") }
        (wakeOut, wakeIn) = (ends[0], ends[1])
        do { try BlockingThread.start("martlet-log") { [self] in run() } } catch { throw SystemFault(error) }
    }

    /// From any thread; never blocks.
    func write(_ line: [UInt8]) {
        let isFirst = state.withLock { state in
            guard !state.isClosed else { return false }
            guard state.waiting.count + line.count <= LogWriter.room else {
                state.dropped += 1
                return false
            }
            state.waiting += line
            defer { state.isIdle = false }
            return state.isIdle
        }
        if isFirst { signal() }
    }

    /// Opens the file anew, after it was moved away.
    func reopen() throws(SystemFault) {
        guard path != nil else { return }
        let file = try LogWriter.open(path)
        // The old one is replaced under its own number, so that a write under way ends where it began.
        let result = state.withLock { dup2(file, $0.file) }
        Glibc.close(file)
        guard result >= 0 else { throw SystemFault("open", path ?? "") }
    }

    /// Waits until everything is written, at most a second: a log that stalls does not hold up the end.
    func flush() {
        for _ in 0..<100 {
            if state.withLock({ $0.isIdle }) { return }
            usleep(10_000)
        }
    }

    private func signal() {
        var octet: UInt8 = 1
        _ = Glibc.write(wakeIn, &octet, 1)
    }

    private func run() {
        var octet: UInt8 = 0
        while true {
            let count = read(wakeOut, &octet, 1)
            guard count > 0 || errno == EINTR else { return }
            while let (bytes, file) = next() { LogWriter.writeAll(bytes, file) }
        }
    }

    private func next() -> (bytes: [UInt8], file: Int32)? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isIdle = true
                return nil
            }
            var bytes: [UInt8] = []
            swap(&bytes, &state.waiting)
            if state.dropped > 0 {
                bytes += Array(
                    "[WARN] \(state.dropped) log lines were dropped: the log could not be written fast enough\n".utf8)
                state.dropped = 0
            }
            return (bytes, state.file)
        }
    }

    private static func writeAll(_ bytes: [UInt8], _ file: Int32) {
        bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count, let base = bytes.baseAddress {
                let count = Glibc.write(file, base + done, bytes.count - done)
                if count < 0, errno == EINTR || errno == EAGAIN {
                    var poll = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
                    _ = Glibc.poll(&poll, 1, 1000)
                    continue
                }
                // A log that cannot be written is no reason to stop delivering mail.
                guard count > 0 else { return }
                done += count
            }
        }
    }

    private static func open(_ path: String?) throws(SystemFault) -> Int32 {
        guard let path else { return STDERR_FILENO }
        let file = clinux_open(path, O_WRONLY | O_APPEND | O_CREAT, 0o600)
        guard file >= 0 else { throw SystemFault("open", path) }
        return file
    }
}
