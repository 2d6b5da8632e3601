import CLinux
import Glibc

/// Why a data folder cannot be used, in one line.
struct DataFolderFault: Error, Equatable, CustomStringConvertible {
    let description: String
    /// Somebody else has it: try later, or ask them.
    let isInUse: Bool
    /// The device's fault: nothing is known of the folder, or the key.
    let isOfDevice: Bool

    init(_ description: String, isInUse: Bool = false, isOfDevice: Bool = false) {
        self.description = description
        self.isInUse = isInUse
        self.isOfDevice = isOfDevice
    }

    init(_ fault: SystemFault) { self.init(fault.description, isOfDevice: fault.isOfDevice) }

    var exitCode: Int32 { isInUse ? Sysexit.temporaryFailure : isOfDevice ? Sysexit.ioError : Sysexit.noPermission }
}

/// The data folder: mode 0700, one program at a time, its master key beside it.
///
/// - The lock is held as long as the value lives, and by the system no longer than the program runs.
/// - The key is made with the folder and never again: data without its key is refused, for a new key would read nothing.
final class DataFolder: Sendable {
    let path: String
    /// From the root, for people.
    var fullPath: String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
    private let lock: Int32

    var keyPath: String { path + ".key" }
    var certificatePath: String { DataFolder.certificatePath(in: path) }
    var certificateKeyPath: String { DataFolder.certificateKeyPath(in: path) }
    static func certificatePath(in folder: String) -> String { folder + "/tls/certificate.pem" }
    static func certificateKeyPath(in folder: String) -> String { folder + "/tls/key.pem" }
    var socketPath: String { path + "/control.sock" }
    /// Files and folders that the program itself keeps beside the store's.
    private static let ownNames: Set<String> = ["lock", "tls", "control.sock", "sendmail.sock", trialName]
    /// What is written to see how fast the disk is, and removed.
    static let trialName = "doctor.trial"

    private init(path: String, lock: Int32) {
        self.path = path
        self.lock = lock
    }

    deinit { close(lock) }

    /// Takes the lock. `creating`: makes the folder when it is not there.
    static func open(_ path: String, creating: Bool) throws(DataFolderFault) -> DataFolder {
        if creating, mkdir(path, 0o700) != 0, errno != EEXIST {
            let fault = SystemFault("make", path)
            throw DataFolderFault(
                "\(fault); make the folder above it, or set another with MARTLET_DATA", isOfDevice: fault.isOfDevice)
        }
        try check(path)
        let lockPath = path + "/lock"
        let lock = clinux_open(lockPath, O_RDWR | O_CREAT, 0o600)
        guard lock >= 0 else { throw DataFolderFault(SystemFault("open", lockPath)) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            defer { close(lock) }
            guard code == EWOULDBLOCK else { throw DataFolderFault(SystemFault("lock", lockPath, code: code)) }
            throw DataFolderFault(
                "\(path) is in use by another martlet\(holder(lock)); stop that one, or set another data folder with MARTLET_DATA",
                isInUse: true)
        }
        let folder = DataFolder(path: path, lock: lock)
        folder.signLock()
        return folder
    }

    /// Ours, a folder, and nobody else's to look into.
    private static func check(_ path: String) throws(DataFolderFault) {
        var facts = stat()
        guard stat(path, &facts) == 0 else {
            let fault = SystemFault("open", path)
            throw DataFolderFault(
                fault.isMissing ? "there is no data folder \(path); `martlet init` makes it" : fault.description,
                isOfDevice: fault.isOfDevice)
        }
        guard facts.st_mode & S_IFMT == S_IFDIR else {
            throw DataFolderFault("\(path) is no folder; set another with MARTLET_DATA")
        }
        guard facts.st_uid == geteuid() else {
            throw DataFolderFault(
                "\(path) belongs to user \(facts.st_uid); run as that user, or chown it to \(geteuid())")
        }
        guard facts.st_mode & 0o077 == 0 else { throw DataFolderFault("\(path) is open to others; chmod 700 \(path)") }
    }

    private func signLock() {
        let text = Array("\(getpid())\n".utf8)
        _ = ftruncate(lock, 0)
        _ = text.withUnsafeBytes { pwrite(lock, $0.baseAddress, $0.count, 0) }
    }

    private static func holder(_ lock: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(lock, &bytes, bytes.count, 0)
        guard count > 0 else { return "" }
        let digits = bytes[..<count].prefix { (0x30...0x39).contains($0) }
        return digits.isEmpty ? "" : " (process \(String(decoding: digits, as: UTF8.self)))"
    }

    /// Nothing is stored in it yet.
    func isEmpty() throws(DataFolderFault) -> Bool {
        guard let listing = opendir(path) else { throw DataFolderFault(SystemFault("list", path)) }
        defer { closedir(listing) }
        while true {
            // Its end and a fault look alike, but for errno.
            errno = 0
            guard let entry = readdir(listing) else {
                guard errno == 0 else { throw DataFolderFault(SystemFault("list", path)) }
                return true
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != "..", !DataFolder.ownNames.contains(name) { return false }
        }
    }
}

extension DataFolder {
    /// The master key, 32 octets; made when the folder is empty and there is none. `random`: octets from the system.
    func masterKey(random: (Int) -> [UInt8]) throws(DataFolderFault) -> [UInt8] {
        if let key = try readKey() { return key }
        guard try isEmpty() else {
            throw DataFolderFault(
                "\(keyPath) is missing, and without it nothing in \(path) can be read; put the key back from your backup (mode 0600)"
            )
        }
        let key = random(32)
        do {
            try TextFile.create(keyPath, DataFolder.hex(key) + "\n", mode: 0o600)
        } catch {
            throw DataFolderFault(error)
        }
        return key
    }

    private func readKey() throws(DataFolderFault) -> [UInt8]? {
        var facts = stat()
        guard stat(keyPath, &facts) == 0 else {
            let fault = SystemFault("open", keyPath)
            if fault.isMissing { return nil }
            throw DataFolderFault(fault)
        }
        guard facts.st_mode & 0o077 == 0 else {
            throw DataFolderFault("\(keyPath) is open to others; chmod 600 \(keyPath)")
        }
        let text: String
        do {
            text = try TextFile.read(keyPath)
        } catch {
            throw DataFolderFault(error)
        }
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        guard let key = DataFolder.octets(hex: line.trimmed), key.count == 32 else {
            throw DataFolderFault("\(keyPath) is no master key (64 hexadecimal digits); put it back from your backup")
        }
        return key
    }

    private static let generationWord = "generation "

    /// The highest schema that the index of this folder is known to have had, as the key's file says it; 0: it says nothing.
    func generation() throws(DataFolderFault) -> Int {
        let text: String
        do {
            text = try TextFile.read(keyPath)
        } catch {
            throw DataFolderFault(error)
        }
        let lines = text.split(whereSeparator: \.isNewline).dropFirst()
        return lines.compactMap { $0.hasPrefix(DataFolder.generationWord) ? Int($0.dropFirst(DataFolder.generationWord.count)) : nil }.max() ?? 0
    }

    /// Notes that the index is of that schema, behind the key, whose own line is never written again. Nothing happens when the file says so already.
    func record(generation: Int) throws(DataFolderFault) {
        guard try self.generation() < generation else { return }
        do {
            try TextFile.append(keyPath, DataFolder.generationWord + "\(generation)\n")
        } catch {
            throw DataFolderFault(error)
        }
    }

    private static func hex(_ octets: [UInt8]) -> String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func octets(hex: String) -> [UInt8]? {
        let digits = hex.utf8.compactMap { octet -> UInt8? in
            switch octet {
            case 0x30...0x39: octet - 0x30
            case 0x41...0x46: octet - 0x37
            case 0x61...0x66: octet - 0x57
            default: nil
            }
        }
        guard digits.count == hex.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
