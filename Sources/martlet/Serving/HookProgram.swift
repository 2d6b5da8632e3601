import ACME
import Glibc
import Synchronization
import Threading

/// Runs the program of `acme.hook`, with nothing of ours: neither our environment nor our files. It and what it started in its process group are ended when its
/// time is over, or when nobody waits for it any more.
struct HookProgram: HookCommand {
    let path: String
    /// Seconds.
    var patience = 300

    /// Why it cannot be run by who runs this, as far as is seen without running it; nil: nothing is in the way.
    var problem: String? {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return "\(SystemFault("look at", path))" }
        guard facts.st_mode & S_IFMT == S_IFREG else { return "\(path) is no file" }
        guard faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 else { return "\(SystemFault("run", path))" }
        return nil
    }

    func run(_ arguments: [String], environment: [String: String]) async throws {
        let child = Child()
        let (path, patience) = (path, patience)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Void, any Error>) in
                do throws(BlockingThread.Fault) {
                    try BlockingThread.start("martlet-hook") {
                        waiter.resume(with: Result { try child.run(path, arguments, environment, patience: patience) })
                    }
                } catch {
                    waiter.resume(throwing: HookFault("\(SystemFault(error))"))
                }
            }
        } onCancel: {
            child.end()
        }
        try Task.checkCancellation()
    }
}

/// A program that runs.
private final class Child: Sendable {
    private enum State {
        case new
        case running(pid_t)
        /// Nobody may start it any more, or end it.
        case over
    }

    private let state = Mutex(State.new)

    /// Milliseconds between looks whether it has ended.
    private static let look: Int32 = 50
    /// Looks for which a program is waited for that is being written.
    private static let mostBusy = 40
    /// Octets of what it says that are told.
    private static let longestWords = 400

    func end() {
        state.withLock { state -> Void in
            guard case .running(let pid) = state else {
                state = .over
                return
            }
            // The process is not waited for while this is locked, so that the number is still its own.
            kill(-pid, SIGKILL)
        }
    }

    /// Blocks. Throws `HookFault`.
    func run(_ path: String, _ arguments: [String], _ environment: [String: String], patience: Int) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0, ends.allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }) else { throw HookFault("\(SystemFault("make", "a pipe"))") }
        defer { close(ends[0]) }
        do {
            defer { close(ends[1]) }
            for attempt in 0... {
                let code = try state.withLock { state throws(HookFault) -> Int32 in
                    guard case .new = state else { throw HookFault("it was ended") }
                    let (pid, code) = Child.spawn(path, arguments, environment, output: ends[1])
                    if code == 0 { state = .running(pid) }
                    return code
                }
                if code == 0 { break }
                // Somebody is writing it, or a process that is just being made still holds it open for whoever wrote it.
                guard code == ETXTBSY, attempt < Child.mostBusy else { throw HookFault("\(SystemFault("run", path, code: code))") }
                poll(nil, 0, Child.look)
            }
        }
        var words: [UInt8] = []
        let deadline = Child.seconds() + patience
        var isLate = false
        var isOpen = true
        while true {
            if isOpen { isOpen = Child.read(ends[0], &words) } else { poll(nil, 0, Child.look) }
            if let status = reap() {
                while isOpen, Child.hasMore(ends[0]) { isOpen = Child.read(ends[0], &words) }
                guard status != 0 || isLate else { return }
                let said = String(decoding: words, as: UTF8.self).split(whereSeparator: \.isNewline).joined(separator: " ")
                throw HookFault(
                    (isLate ? "\(path) was ended after \(patience) seconds" : "\(path) ended with \(Child.ending(status))") + (said.isEmpty ? "" : ": \(said)"))
            }
            if Child.seconds() >= deadline {
                isLate = true
                end()
            }
        }
    }

    /// As waitpid(2) has it; nil: it still runs.
    private func reap() -> Int32? {
        state.withLock { state -> Int32? in
            guard case .running(let pid) = state else { return -1 }
            var status: Int32 = 0
            let found = waitpid(pid, &status, WNOHANG)
            if found == 0 || (found < 0 && errno == EINTR) { return nil }
            state = .over
            return found < 0 ? -1 : status
        }
    }

    /// The process, or the system's reason why there is none.
    private static func spawn(_ path: String, _ arguments: [String], _ environment: [String: String], output: Int32) -> (pid_t, code: Int32) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own; and no signal is blocked or passed over as here.
        var none = sigset_t()
        sigemptyset(&none)
        var standard = sigset_t()
        sigemptyset(&standard)
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGPIPE] { sigaddset(&standard, signal) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &standard)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        let variables = environment.merging(["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"]) { own, _ in own }
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        var pairs: [UnsafeMutablePointer<CChar>?] = variables.map { strdup("\($0.key)=\($0.value)") }
        defer { for text in words + pairs { free(text) } }
        words.append(nil)
        pairs.append(nil)
        var pid = pid_t()
        let code = posix_spawn(&pid, path, &actions, &attributes, words, pairs)
        return (pid, code)
    }

    /// Waits a little for what it says; whether more may come.
    private static func read(_ file: Int32, _ words: inout [UInt8]) -> Bool {
        var ready = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, look) > 0 else { return true }
        var chunk = [UInt8](repeating: 0, count: 4_096)
        let count = Glibc.read(file, &chunk, chunk.count)
        guard count > 0 else { return count < 0 && errno == EINTR }
        words += chunk.prefix(count).prefix(max(0, longestWords - words.count))
        return true
    }

    private static func hasMore(_ file: Int32) -> Bool {
        var ready = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
        return poll(&ready, 1, 0) > 0
    }

    private static func ending(_ status: Int32) -> String {
        let signal = status & 0x7F
        if status == -1 { return "a status that nobody knows" }
        return signal == 0 ? "status \(status >> 8 & 0xFF)" : "signal \(signal)"
    }

    /// Of a clock that nobody sets.
    private static func seconds() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec
    }
}
