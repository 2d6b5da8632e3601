import Glibc
import Testing

@testable import martlet

@Suite("A device that does not give what is there")
struct DeviceFaultTests {
    /// Reading it gives EIO.
    private static let unreadable = "/proc/self/mem"
    private let top: TemporaryFolder
    private let path: String
    private let random: (Int) -> [UInt8] = { count in (0..<count).map { UInt8(truncatingIfNeeded: $0) } }

    init() throws {
        top = try TemporaryFolder()
        path = top.path + "/data"
    }

    @Test("is EIO to who reads a file of text, and no empty or malformed file")
    func text() {
        #expect(throws: SystemFault("read", Self.unreadable, code: EIO)) { try TextFile.read(Self.unreadable) }
    }

    @Test("is 74 for the configuration, by option, by environment and by a variable's file; a file that is not there, or not ours to read, is 78")
    func configuration() {
        func code(_ file: String?, _ environment: [String: String], _ code: Int32) -> Int32? {
            let reader = ConfigurationReader(
                environment: environment, file: file, options: [], read: { path throws(SystemFault) in throw SystemFault("read", path, code: code) })
            do {
                _ = try reader.configuration()
                return nil
            } catch {
                return error.exitCode
            }
        }
        for fault in [EIO, ENXIO, ESTALE] {
            #expect(code("/etc/martlet.yaml", [:], fault) == 74)
            #expect(code(nil, ["MARTLET_CONFIG": "/etc/martlet.yaml"], fault) == 74)
            #expect(code(nil, [:], fault) == 74, "the usual file is there, and not to be had")
            #expect(code("embedded", ["MARTLET_DOMAIN_FILE": "/run/domain"], fault) == 74)
        }
        #expect(code("/etc/martlet.yaml", [:], ENOENT) == 78)
        #expect(code("/etc/martlet.yaml", [:], EACCES) == 78)
    }

    @Test("is 74 for the master key, which is not taken for missing or malformed, nor made anew")
    func key() throws {
        let folder = try DataFolder.open(path, creating: true)
        try #require(symlink(Self.unreadable, folder.keyPath) == 0)
        #expect {
            try folder.masterKey(random: random)
        } throws: { error in
            guard let fault = error as? DataFolderFault else { return false }
            return fault.exitCode == 74 && fault.description == "cannot read \(folder.keyPath): Input/output error"
        }
        unlink(folder.keyPath)
        try TextFile.create(folder.keyPath, "no key\n", mode: 0o600)
        #expect {
            try folder.masterKey(random: random)
        } throws: { error in
            (error as? DataFolderFault)?.exitCode == 77
        }
    }

    @Test("is 74 for a certificate, and one that was made here is not replaced for it", arguments: [true, false])
    func certificate(isKey: Bool) throws {
        let folder = try DataFolder.open(path, creating: true)
        let configuration = try ConfigurationReader(
            environment: [:], file: "embedded", options: [], read: { path throws(SystemFault) in try TextFile.read(path) }
        ).configuration()
        let before = try Array(#require(try configuration.certificates(configuration.ownCertificate(in: folder))).identities.map(\.notAfter))
        let place = isKey ? folder.certificateKeyPath : folder.certificatePath
        try #require(rename(place, place + ".away") == 0)
        try #require(symlink(Self.unreadable, place) == 0)
        #expect {
            _ = try configuration.certificates(configuration.ownCertificate(in: folder))
        } throws: { error in
            (error as? ConfigurationFault)?.exitCode == 74
        }
        var facts = stat()
        #expect(lstat(place, &facts) == 0 && facts.st_mode & S_IFMT == S_IFLNK, "it lies where it lay")
        try #require(unlink(place) == 0 && rename(place + ".away", place) == 0)
        #expect(try Array(#require(try configuration.certificates(configuration.ownCertificate(in: folder))).identities.map(\.notAfter)) == before)
    }
}
