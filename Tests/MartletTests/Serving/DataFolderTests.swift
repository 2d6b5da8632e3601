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

    @Test("a key that lies in the folder is found there, and is no data")
    func keyInside() throws {
        let folder = try DataFolder.open(path, creating: true)
        _ = try #require(folder.keyPath == path + ".key")
        try TextFile.create(path + "/master.key", String(repeating: "ab", count: 32), mode: 0o600)
        #expect(try MasterKeyFile.place(of: path, configured: nil) == path + "/master.key")
        #expect(try folder.isEmpty(), "a key is no data")
        #expect(try MasterKeyFile(path: path + "/master.key").read()?.key.withUnsafeBytes { Array($0) } == [UInt8](repeating: 0xAB, count: 32))
        // What a file system has at its root.
        mkdir(path + "/lost+found", 0o700)
        #expect(try folder.isEmpty())
    }

    @Test("a volume of its own has its key in it: what lies beside it may be gone at the next start")
    func volume() throws {
        #expect(try MasterKeyFile.place(of: "/proc", configured: nil) == "/proc/master.key")
        #expect(try MasterKeyFile.place(of: path, configured: nil) == path + ".key")
    }

    @Test("of two keys none is guessed")
    func twoKeys() throws {
        do { _ = try DataFolder.open(path, creating: true).masterKey(random: random) }
        try TextFile.create(path + "/master.key", String(repeating: "ab", count: 32), mode: 0o600)
        #expect(fault()?.description.contains("there are two master keys, \(path).key and \(path)/master.key") == true)
    }

    @Test("master-key says where the key is: it is made there, and one that lies elsewhere is not taken for it")
    func configured() throws {
        let elsewhere = top.path + "/elsewhere"
        do {
            let folder = try DataFolder.open(path, key: elsewhere, creating: true)
            _ = try folder.masterKey(random: random)
            #expect(!folder.holdsItsKey)
        }
        #expect(mode(elsewhere) == 0o600 && mode(path + ".key") == nil)
        try TextFile.create(path + "/index.db", "x", mode: 0o600)
        rename(elsewhere, path + ".key")
        do {
            _ = try DataFolder.open(path, key: elsewhere, creating: true).masterKey(random: random)
            Issue.record("a key was made, or another one taken")
        } catch {
            #expect(error.description.contains("\(elsewhere) is missing") && error.description.hasSuffix("or move it there from \(path).key"))
        }
    }

    @Test("the key's file keeps its first line when a schema is noted behind it, once for each")
    func generations() throws {
        let folder = try DataFolder.open(path, creating: true)
        let key = try folder.masterKey(random: random)
        let line = try TextFile.read(path + ".key")
        #expect(line == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n")
        for generation in [9, 9, 8, 10] { try folder.record(generation: generation) }
        #expect(try TextFile.read(path + ".key") == line + "generation 9\ngeneration 10\n")
        #expect(try folder.generation() == 10)
        #expect(try folder.masterKey(random: { _ in [] }) == key)
    }

    @Test("octets that are taken over are overwritten where they were")
    func taken() throws {
        var octets = [UInt8](repeating: 7, count: 32)
        let secret = try SecretOctets(taking: &octets)
        #expect(octets == [UInt8](repeating: 0, count: 32))
        #expect(secret.withUnsafeBytes { Array($0) } == [UInt8](repeating: 7, count: 32))
        #expect(throws: SystemFault.self) { try SecretOctets.read(path, most: 10) }
        try TextFile.create(path, "0123456789", mode: 0o600)
        #expect(try SecretOctets.read(path, most: 10).count == 10)
        #expect(throws: SystemFault("read", path, code: EFBIG)) { try SecretOctets.read(path, most: 9) }
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
