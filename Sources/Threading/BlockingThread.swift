import CLinux
import Glibc

/// A thread of its own for work that blocks or burns: neither an event loop nor Swift's cooperative pool ever does.
///
/// `@unchecked Sendable`: `id` is written once, before the initialiser returns.
package final class BlockingThread: @unchecked Sendable {
    private var id = pthread_t()

    /// What the system said when no thread could be made (pthread_create(3)).
    package struct Fault: Error {
        package let code: Int32
    }

    private final class Body: Sendable {
        let name: String
        let nice: Int32
        let run: @Sendable () -> Void

        init(_ name: String, _ nice: Int32, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.nice = nice
            self.run = run
        }
    }

    /// Of the stack, in octets.
    private static let stack = 1 << 20

    /// Runs `run` on a new thread. For threads that a start needs: it ends the program when none can be made.
    /// - parameter name: at most 15 octets, as the system shows it.
    /// - parameter nice: what it yields to others, 0 to 19 (nice(2)).
    package init(_ name: String, nice: Int32 = 0, _ run: @escaping @Sendable () -> Void) {
        do { id = try BlockingThread.make(Body(name, nice, run)) } catch { preconditionFailure("no thread could be made at start: \(error.code)") }
    }

    /// Waits until it has run to its end; once.
    package func join() { pthread_join(id, nil) }

    /// Runs `run` on a new thread that nobody waits for; otherwise as `init`.
    package static func start(_ name: String, nice: Int32 = 0, _ run: @escaping @Sendable () -> Void) throws(Fault) {
        pthread_detach(try make(Body(name, nice, run)))
    }

    private static func make(_ body: Body) throws(Fault) -> pthread_t {
        let body = Unmanaged.passRetained(body)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stack)
        var id = pthread_t()
        let code = pthread_create(
            &id, &attributes,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                clinux_name_thread(body.name)
                // On Linux 0 means this thread alone.
                if body.nice != 0 { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, body.nice) }
                body.run()
                return nil
            }, body.toOpaque())
        guard code == 0 else {
            body.release()
            throw Fault(code: code)
        }
        return id
    }
}
