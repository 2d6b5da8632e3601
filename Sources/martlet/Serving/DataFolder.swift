import CLinux
import Glibc
import SQLiteStore

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

/// The data folder: mode 0700, one program at a time, and where its master key is.
///
/// - The lock is held as long as the value lives, and by the system no longer than the program runs.
/// - The key is made with the folder and never again: data without its key is refused, for a new key would read nothing.
final class DataFolder: Sendable {
    let path: String
    let keyPath: String
    /// From the root, for people.
    var fullPath: String { DataFolder.full(path) }
    var fullKeyPath: String { DataFolder.full(keyPath) }

    private static func full(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
    private let lock: Int32

    var certificatePath: String { DataFolder.certificatePath(in: path) }
    var certificateKeyPath: String { DataFolder.certificateKeyPath(in: path) }
    static func certificatePath(in folder: String) -> String { folder + "/tls/certificate.pem" }
    static func certificateKeyPath(in folder: String) -> String { folder + "/tls/key.pem" }
    var socketPath: String { path + "/control.sock" }
    /// Files and folders that the program itself keeps beside the store's, and what a file system makes at its root.
    private static let ownNames: Set<String> = ["lock", "tls", "control.sock", "sendmail.sock", MasterKeyFile.nameInside, trialName, "lost+found"]
    /// What is written to see how fast the disk is, and removed.
    static let trialName = "doctor.trial"

    private init(path: String, keyPath: String, lock: Int32) {
        self.path = path
        self.keyPath = keyPath
        self.lock = lock
    }

    deinit { close(lock) }

    /// Takes the lock.
    /// - parameters:
    ///   - key: where the master key is, if somebody has said so (`master-key`).
    ///   - creating: makes the folder when it is not there.
    static func open(_ path: String, key: String? = nil, creating: Bool) throws(DataFolderFault) -> DataFolder {
        if creating, mkdir(path, 0o700) != 0, errno != EEXIST {
            let fault = SystemFault("make", path)
            let remedy = fault.isMissing ? "make the folder above it" : "make it as root: install -d -m 700 -o \(SystemName.user()) \(path)"
            throw DataFolderFault("\(fault); \(remedy), or set another with MARTLET_DATA", isOfDevice: fault.isOfDevice)
        }
        try check(path)
        let keyPath = try MasterKeyFile.place(of: path, configured: key)
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
        let folder = DataFolder(path: path, keyPath: keyPath, lock: lock)
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
    func masterKey(random: (Int) -> [UInt8]) throws(DataFolderFault) -> SecretOctets {
        let file = MasterKeyFile(path: keyPath)
        if let found = try file.read() { return found.key }
        guard try isEmpty() else {
            throw DataFolderFault(
                "\(keyPath) is missing, and without it nothing in \(path) can be read; put the key back from your backup (mode 0600)\(elsewhere)"
            )
        }
        var octets = random(MasterKeyFile.octets)
        let key: SecretOctets
        do { key = try SecretOctets(taking: &octets) } catch { throw DataFolderFault(error) }
        try file.create(key)
        return key
    }

    /// The same, as the store takes it.
    func openMasterKey(random: (Int) -> [UInt8]) throws(DataFolderFault) -> MasterKey {
        guard let key = try masterKey(random: random).withUnsafeBytes({ MasterKey($0) }) else { throw DataFolderFault("\(keyPath) is no master key") }
        return key
    }

    /// Where it may still lie after master-key was set.
    private var elsewhere: String {
        let others: [String] = [path + ".key", path + "/" + MasterKeyFile.nameInside]
        let found = others.first { $0 != keyPath && access($0, F_OK) == 0 }
        return found.map { ", or move it there from \($0)" } ?? ""
    }

    /// Who takes the data has the key too.
    var holdsItsKey: Bool { keyPath.hasPrefix(path + "/") }

    /// The highest schema that the index of this folder is known to have had, as the key's file says it; 0: it says nothing.
    func generation() throws(DataFolderFault) -> Int { try MasterKeyFile(path: keyPath).read()?.generation ?? 0 }

    /// Notes that the index is of that schema, in the key's file.
    func record(generation: Int) throws(DataFolderFault) { try MasterKeyFile(path: keyPath).record(generation: generation) }
}
