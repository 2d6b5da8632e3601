import FuzzEntries
import Glibc
import Testing

/// What the fuzzers start from, and whatever they once found (Fuzz/found), through the same entry functions.
@Suite struct CorpusReplayTests {
    static let targets: [(name: String, entry: @Sendable (UnsafeRawBufferPointer) -> Void)] = [
        ("MessageFormat", { fuzzMessageFormat($0) }), ("IMAPGrammar", { fuzzIMAPGrammar($0) }), ("SMTPSession", { fuzzSMTPSession($0) }),
        ("SMTPReply", { fuzzSMTPReply($0) }), ("StrictTransport", { fuzzStrictTransport($0) }), ("Autodiscover", { fuzzAutodiscover($0) }),
        ("POP3Session", { fuzzPOP3Session($0) }),
        ("Reports", { fuzzReports($0) }),
        ("SenderPolicy", { fuzzSenderPolicy($0) }), ("Signatures", { fuzzSignatures($0) }),
        ("PolicyText", { fuzzPolicyText($0) }), ("MessageAuthors", { fuzzMessageAuthors($0) }), ("SASL", { fuzzSASL($0) }),
    ]

    @Test("no seed of a fuzz target traps its grammar", arguments: targets.indices)
    func replay(_ index: Int) throws {
        let target = Self.targets[index]
        let folder = try #require(Folder())
        defer { folder.remove() }
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        #expect(system("python3 '\(root)/Fuzz/seeds' \(target.name) '\(folder.path)'") == 0, "the seeds are made by Python")
        var count = 0
        folder.forEachFile { octets in
            octets.withUnsafeBytes { target.entry($0) }
            count += 1
        }
        #expect(count > 10)
    }
}

/// A temporary folder of small files.
private struct Folder {
    let path: String

    init?() {
        var template = Array("/tmp/martlet-seeds-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { return nil }
        path = String(cString: made)
    }

    func remove() { _ = system("rm -rf '\(path)'") }

    func forEachFile(_ use: ([UInt8]) -> Void) {
        guard let listing = opendir(path) else { return }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix("."), let file = fopen(path + "/" + name, "r") else { continue }
            defer { fclose(file) }
            let most = 1 << 16
            use([UInt8](unsafeUninitializedCapacity: most) { octets, count in count = fread(octets.baseAddress, 1, most, file) })
        }
    }
}
