import FoundationEssentials
import Glibc

@testable import martlet

/// A folder of its own for a test, mode 0700; gone with the value.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let bytes = Array("/tmp/martlet-test-XXXXXX".utf8CString)
        var template = bytes
        guard mkdtemp(&template) != nil else { throw SystemFault("make", "a temporary folder") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
