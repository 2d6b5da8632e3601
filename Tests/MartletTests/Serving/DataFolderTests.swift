import Glibc
import Testing

@testable import martlet

@Suite struct DataFolderTests {
    private let top: TemporaryFolder
    private let path: String
    private let random: (Int) -> [UInt8] = { count in (0..<count).map { UInt8(truncatingIfNeeded: $0) } }

    init() throws {
        top = try TemporaryFolder()
        path = top.path + "/data"
    }

    private func mode(_ path: String) -> mode_t? {
        var facts = stat()
        return stat(path, &facts) == 0 ? facts.st_mode & 0o777 : nil
    }

    private func fault(creating: Bool = true) -> DataFolderFault? {
        do {
            _ = try DataFolder.open(path, creating: creating).masterKey(random: random)
            return nil
        } catch {
            return error
        }
    }

    @Test("it is made with mode 0700, and the key beside it with 0600, whatever the umask")
    func modes() throws {
        let folder = try DataFolder.open(path, creating: true)
        let key = try folder.masterKey(random: random)
        #expect(mode(path) == 0o700)
        #expect(mode(path + ".key") == 0o600)
        #expect(key.count == 32)
        #expect(try folder.masterKey(random: { _ in [] }) == key, "the key is read, not made again")
    }

    @Test("a folder that is not there is made only when asked")
    func missing() {
        #expect(fault(creating: false)?.description.contains("there is no data folder") == true)
    }

    @Test("one program at a time: a second is refused and told whose it is")
    func lock() throws {
        let first = try DataFolder.open(path, creating: true)
        #expect(fault()?.isInUse == true)
        #expect(fault()?.description.contains("(process \(getpid()))") == true)
        withExtendedLifetime(first) {}
    }

    @Test("the lock is free when the folder is closed")
    func unlock() throws {
        do { _ = try DataFolder.open(path, creating: true) }
        #expect(fault() == nil)
    }

    @Test("a folder or a key that others may read is refused, with the remedy")
    func openModes() throws {
        do { _ = try DataFolder.open(path, creating: true).masterKey(random: random) }
        chmod(path, 0o755)
        #expect(fault()?.description == "\(path) is open to others; chmod 700 \(path)")
        chmod(path, 0o700)
        chmod(path + ".key", 0o640)
        #expect(fault()?.description == "\(path).key is open to others; chmod 600 \(path).key")
    }

    @Test("data without its key is refused: a new key would read nothing")
    func missingKey() throws {
        do { _ = try DataFolder.open(path, creating: true).masterKey(random: random) }
        try TextFile.create(path + "/index.db", "x", mode: 0o600)
        unlink(path + ".key")
        #expect(fault()?.description.contains("put the key back from your backup") == true)
        #expect(mode(path + ".key") == nil, "no new key was made")
    }

    @Test(
        "a key that is no key is refused",
        arguments: ["", "abc", String(repeating: "g", count: 64), String(repeating: "a", count: 62)])
    func badKey(_ text: String) throws {
        do { _ = try DataFolder.open(path, creating: true) }
        try TextFile.create(path + ".key", text, mode: 0o600)
        #expect(fault()?.description.contains("is no master key") == true)
    }
}
