import CLinux
import Glibc
import MailModel
import Transport

/// Looks at this machine. What blocks is for a thread of its own.
enum MachineSurvey {
    /// Octets that are written to see how fast the disk is.
    private static let load = 8 << 20
    private static let tries = 15

    /// Writes a file into the data folder, and removes it. Gives up writing after `patience` seconds. Throws `SystemFault`.
    static func disk(_ path: String, floor: Int64, patience: Int = 10) throws -> DiskFacts {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { throw SystemFault("look at", path) }
        let memory = clinux_lies_in_memory(path)
        guard memory >= 0 else { throw SystemFault("look at", path) }
        let unit = Int64(clamping: facts.f_frsize)
        func octets(_ blocks: UInt) -> Int64 { Int64(clamping: blocks).multipliedReportingOverflow(by: unit).partialValue }
        let free = octets(facts.f_bavail)
        let isMemory = memory == 1
        var speed: (syncs: [Int], rate: Int64?) = ([], nil)
        // Nothing is written to a disk that is full.
        if free > max(floor, Int64(load) * 4), !isMemory { speed = try write(path + "/" + DataFolder.trialName, patience) }
        return DiskFacts(
            path: path, free: free, total: octets(facts.f_blocks), floor: floor, freeFiles: Int64(clamping: facts.f_favail),
            files: Int64(clamping: facts.f_files),
            isMemory: isMemory, syncs: speed.syncs, rate: speed.rate)
    }

    private static func write(_ path: String, _ patience: Int) throws(SystemFault) -> (syncs: [Int], rate: Int64?) {
        unlink(path)
        let file = clinux_open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard file >= 0 else { throw SystemFault("create", path) }
        defer {
            close(file)
            unlink(path)
        }
        let end = microseconds() + patience * 1_000_000
        var syncs: [Int] = []
        let few = [UInt8](repeating: 0x4D, count: 4_096)
        for _ in 0..<tries where microseconds() < end { syncs.append(try time(path, file, few)) }
        guard microseconds() < end else { return (syncs, nil) }
        // What a disk squeezes is no measure.
        var many = [UInt8](repeating: 0, count: load)
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        for index in many.indices {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            many[index] = UInt8(truncatingIfNeeded: state >> 56)
        }
        let took = max(1, try time(path, file, many))
        return (syncs, Int64(load) * 1_000_000 / Int64(took))
    }

    /// Microseconds.
    private static func time(_ path: String, _ file: Int32, _ octets: [UInt8]) throws(SystemFault) -> Int {
        var rest = octets[...]
        let start = microseconds()
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemFault("write", path) }
            rest = rest.dropFirst(count)
        }
        guard fdatasync(file) == 0 else { throw SystemFault("sync", path) }
        return microseconds() - start
    }

    private static func microseconds() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
    }

    /// Throws `SystemFault` where it is not known whether a file is there.
    static func folder(_ configuration: Configuration) throws(SystemFault) -> FolderFacts {
        var key = configuration.data + ".key"
        do { key = try MasterKeyFile.place(of: configuration.data, configured: configuration.machine.masterKey) } catch {
            // catch: that there are two keys, or that nobody can see one, is told by who opens the store.
        }
        var user = geteuid()
        do { user = try ServiceUser.wanted(configuration.machine)?.id ?? user } catch {
            // catch: that nobody can become that user is told by who opens the store.
        }
        return FolderFacts(folder: try entry(configuration.data), key: try entry(key), user: user)
    }

    private static func entry(_ path: String) throws(SystemFault) -> FolderFacts.Entry {
        var facts = stat()
        guard stat(path, &facts) == 0 else {
            let fault = SystemFault("look at", path)
            guard fault.isMissing else { throw fault }
            return FolderFacts.Entry(path: path, mode: nil, owner: geteuid())
        }
        return FolderFacts.Entry(path: path, mode: facts.st_mode & 0o7777, owner: facts.st_uid)
    }

    /// Throws `SystemFault`.
    static func clock() throws(SystemFault) -> ClockFacts {
        let answer = clinux_clock_is_kept()
        guard answer >= 0 else { throw SystemFault("ask for", "the clock's state") }
        return ClockFacts(isKept: answer == 1)
    }

    /// Of the server that holds the data folder, or else what one started by us would get.
    static func limits(_ configuration: Configuration, isRunning: Bool) throws(SystemFault) -> LimitFacts {
        var files: Int?
        if isRunning, let process = holder(configuration.data) {
            do {
                let line = try TextFile.read("/proc/\(process)/limits").split(separator: "\n").first { $0.hasPrefix("Max open files") }
                let number = line?.split(separator: " ").dropFirst(3).first
                files = number.flatMap { $0 == "unlimited" ? Int.max : Int($0) }
            } catch {
                // Gone meanwhile, or another user's.
                guard error.isMissing || error.code == EACCES else { throw error }
            }
        }
        return LimitFacts(files: files ?? mostFiles(), connections: configuration.limits.connections)
    }

    /// The process whose number is in the lock's file.
    private static func holder(_ folder: String) -> Int? {
        // try?: without a lock there is no server.
        (try? TextFile.read(folder + "/lock")).flatMap { Int($0.filter(\.isNumber)) }
    }

    private static func mostFiles() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return Int(clamping: limit.rlim_max)
    }

    /// A certificate that is configured, and what it is where it can be used.
    typealias Certificate = (facts: CertificateFacts, examination: CertificateExamination?)

    /// All that are configured, in the order in which the server looks among them; one where none is.
    /// - parameters:
    ///   - names: by which the server is reached.
    ///   - digests: of the certificates that the running server shows; nil: nobody could say.
    static func certificates(_ configuration: Configuration, names: [String], now: Timestamp, digests: [String]?) async -> [Certificate] {
        let isOwn = configuration.tls.files == nil
        guard let first = configuration.certificateFiles else {
            return [(CertificateFacts(path: "tls", sight: .off, isOwn: isOwn, now: now), nil)]
        }
        var found: [(files: CertificateShelf.Files, result: Result<CertificateExamination, any Error>)] = []
        for files in isOwn ? [first] : configuration.configuredFiles {
            do {
                found.append((files, .success(try await CertificateExamination(certificatePath: files.certificatePath, keyPath: files.keyPath))))
                // catch: it is told of below.
            } catch { found.append((files, .failure(error))) }
        }
        let uncovered = names.filter { name in
            !found.contains { if case .success(let examination) = $0.result { examination.covers(name) } else { false } }
        }
        var before: [CertificateExamination] = []
        return found.enumerated().map { place, pair in
            var facts = CertificateFacts(path: pair.files.certificatePath, sight: .notMade, isOwn: isOwn, now: now, key: keyFile(pair.files.keyPath))
            switch pair.result {
            case .success(let examination):
                facts.sight = .there(
                    CertificateFacts.Leaf(
                        notBefore: examination.notBefore, notAfter: examination.notAfter, trust: examination.trust, uncovered: place == 0 ? uncovered : [],
                        isInUse: digests.map { $0.contains(RecordMakers.hex(examination.leafDigest)) },
                        isShown: place == 0 || examination.names.contains { name in !before.contains { $0.covers(name) } }))
                before.append(examination)
                return (facts, examination)
            case .failure(let error):
                if !isOwn || (error as? TLSIdentity.Fault)?.isMissing != true { facts.sight = .unusable(FaultWords.of(error)) }
                return (facts, nil)
            }
        }
    }

    /// Nil: it is not there, or nobody may look at it, which is told by who reads it.
    private static func keyFile(_ path: String) -> CertificateFacts.Key? {
        var facts = stat()
        return stat(path, &facts) == 0 ? CertificateFacts.Key(path: path, mode: facts.st_mode & 0o7777) : nil
    }
}
