import Glibc
import Storage

/// `aside/`: files that a start found and did not know what to make of. Nothing in it is read by the running store; it is removed by an explicit order alone.
struct AsideFolder: Sendable {
    private let parent: String
    let path: String

    init(in folder: String) {
        parent = folder
        path = folder + "/aside"
    }

    /// Moves a file of the data folder there, under a name that nothing there has; answers the name.
    @discardableResult
    func take(_ file: String, from folder: String) throws -> String {
        try Disk.makeFolder(path)
        let name = try freeName(file)
        guard rename(folder + "/" + file, path + "/" + name) == 0 else { throw Disk.fault("rename", folder + "/" + file) }
        try Disk.syncFolder(path)
        try Disk.syncFolder(folder)
        return name
    }

    /// Copies a file there.
    @discardableResult
    func copy(_ file: String, from folder: String) throws -> String {
        try Disk.makeFolder(path)
        let name = try freeName(file)
        try Disk.copy(folder + "/" + file, to: path + "/" + name)
        try Disk.syncFolder(path)
        try Disk.syncFolder(parent)
        return name
    }

    /// Notes there that something is missing.
    func note(_ file: String, _ text: String) throws {
        try Disk.makeFolder(path)
        let target = path + "/" + (try freeName(file))
        let fd = try Disk.open(target, O_WRONLY | O_CREAT | O_EXCL)
        defer { close(fd) }
        try Array((text + "\n").utf8).withUnsafeBytes { try Disk.writeAll($0, to: fd, at: 0, path: target) }
        try Disk.syncData(fd, path: target)
        try Disk.syncFolder(path)
        try Disk.syncFolder(parent)
    }

    /// The name of what is put there for a WAL that was missing.
    static let missingWAL = "missing-wal.txt"

    /// Whether that file says that answered changes were lost, until it is removed.
    static func tellsOfLoss(_ name: String) -> Bool { name.hasSuffix("-" + IndexFile.name + "-wal") || name.hasSuffix("-" + missingWAL) }

    /// In order.
    var names: [String] { Disk.names(in: path).sorted() }

    /// Removes everything in it; answers how many files.
    func clear() throws -> Int {
        let names = names
        for name in names where unlink(path + "/" + name) != 0 { throw Disk.fault("unlink", path + "/" + name) }
        return names.count
    }

    private func freeName(_ file: String) throws -> String {
        for number in 1...100_000 {
            let name = "\(number)-\(file)"
            if access(path + "/" + name, F_OK) != 0 { return name }
        }
        throw StorageFault.unavailable("\(path) is full of files")
    }
}
