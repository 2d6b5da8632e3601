import Glibc
import Storage

// What the store keeps beside what it uses, until it is told not to.
extension SQLiteStore {
    /// Removes the indexes that migrations have kept; answers how many.
    package func confirm() throws -> Int {
        _ = try known
        let names = Migration.kept(in: path)
        for name in names where unlink(path + "/" + name) != 0 { throw Disk.fault("unlink", path + "/" + name) }
        if !names.isEmpty { try Disk.syncFolder(path) }
        return names.count
    }

    /// Names of the files that starts have set aside.
    package var aside: [String] { AsideFolder(in: path).names }

    /// Removes them; answers how many.
    package func clearAside() throws -> Int {
        _ = try known
        return try AsideFolder(in: path).clear()
    }
}
