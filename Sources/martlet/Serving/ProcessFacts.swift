import CLinux
import Glibc
import MailModel
import Metrics

/// What the system says of this process and its machine, by the names that Prometheus has for it
/// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).
struct ProcessFacts: Sendable {
    let started: Timestamp

    func add(to registry: MetricRegistry) {
        let started = started
        registry.reading(.gauge, "martlet_build_info", "1, with the program's version.", labels: ["version"]) { [.init([ProductVersion.number], 1)] }
        registry.reading(.gauge, "process_start_time_seconds", "When the program was started, in seconds since 1970.") { [.init([], Double(started.rawValue))] }
        registry.reading(.counter, "process_cpu_seconds_total", "Processor time that the program has used.") { ProcessFacts.processorTime.readings }
        registry.reading(.gauge, "process_resident_memory_bytes", "Octets of the program in memory.") {
            let octets = clinux_resident_octets()
            return octets < 0 ? [] : [.init([], Double(octets))]
        }
        registry.reading(.gauge, "martlet_memory_limit_bytes", "What it may have: the machine's memory, or what its control group (v2) is allowed.") {
            ProcessFacts.memoryLimit.readings
        }
        registry.reading(.gauge, "process_open_fds", "Open files and connections.") { ProcessFacts.openFiles.readings }
        registry.reading(.gauge, "process_max_fds", "How many it may have open.") { ProcessFacts.mostFiles.readings }
        registry.reading(.gauge, "process_threads", "Threads of the program.") { ProcessFacts.count(of: "/proc/self/task").readings }
    }

    private static var processorTime: Double? {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
    }

    /// Without the one that looks.
    private static var openFiles: Double? { count(of: "/proc/self/fd").map { $0 - 1 } }

    private static var mostFiles: Double? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }

    private static var memoryLimit: Double? {
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let size = sysconf(Int32(_SC_PAGESIZE))
        guard pages > 0, size > 0 else { return nil }
        let machine = Double(pages) * Double(size)
        // try?: without control groups of version 2 there is no such file, and no such limit.
        let group = (try? TextFile.read("/sys/fs/cgroup/memory.max")).flatMap { Double($0.trimmed) }
        return min(machine, group ?? machine)
    }

    private static func count(of folder: String) -> Double? {
        guard let handle = opendir(folder) else { return nil }
        defer { closedir(handle) }
        var count = 0
        while let entry = readdir(handle) { count += entry.pointee.d_name.0 == CChar(UInt8(ascii: ".")) ? 0 : 1 }
        return Double(count)
    }
}

extension Double? {
    /// None where it is not known.
    fileprivate var readings: [MetricRegistry.Reading] { map { [.init([], $0)] } ?? [] }
}
