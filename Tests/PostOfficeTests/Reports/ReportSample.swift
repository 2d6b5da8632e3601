import Glibc
import MessageFormat
import NIOCore
import Testing

@testable import PostOffice

/// Reports as others write them (`Tests/Reports`), and as we do.
enum ReportSample {
    /// A file's octets.
    static func file(_ name: String) throws -> ByteBuffer {
        let root = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
        return try ByteBuffer(bytes: #require(contents("\(root)/Tests/Reports/\(name)")))
    }

    /// Writes a file anew where somebody asks for it: MARTLET_TEST_SAMPLES names the folder.
    static func renew(_ name: String, _ octets: ByteBuffer) {
        guard let folder = getenv("MARTLET_TEST_SAMPLES"), let file = fopen(String(cString: folder) + "/" + name, "w") else { return }
        octets.withUnsafeReadableBytes { _ = fwrite($0.baseAddress, 1, $0.count, file) }
        fclose(file)
    }

    /// A message with one attachment.
    static func message(_ content: ByteBuffer, type: String = "application/gzip", name: String = "report.xml.gz", subject: String = "Report") -> ByteBuffer {
        var text = ByteBuffer(
            string: """
                From: r@reporter.example\r\nTo: dmarc-reports@example.test\r\nSubject: \(subject)\r\nMIME-Version: 1.0\r\n\
                Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n--b\r\n\
                Content-Type: \(type); name="\(name)"\r\nContent-Transfer-Encoding: base64\r\n\r\n
                """)
        text.writeImmutableBuffer(Base64.lines(content))
        text.writeString("\r\n--b--\r\n")
        return text
    }

    /// With local headers alone, as `ZipArchive` reads it.
    static func zip(_ files: [(name: String, content: ByteBuffer, method: UInt16, isOpen: Bool)]) -> ByteBuffer {
        var archive = ByteBuffer()
        for file in files {
            archive.writeInteger(0x0403_4B50, endianness: .little, as: UInt32.self)
            for number in [20, file.isOpen ? 8 : 0, file.method, 0, 0] { archive.writeInteger(number, endianness: .little, as: UInt16.self) }
            archive.writeInteger(0, endianness: .little, as: UInt32.self)
            let size = UInt32(file.isOpen ? 0 : file.content.readableBytes)
            for _ in 0..<2 { archive.writeInteger(size, endianness: .little, as: UInt32.self) }
            archive.writeInteger(UInt16(file.name.utf8.count), endianness: .little, as: UInt16.self)
            archive.writeInteger(0, endianness: .little, as: UInt16.self)
            archive.writeString(file.name)
            archive.writeImmutableBuffer(file.content)
        }
        archive.writeString("PK\u{1}\u{2} and what follows")
        return archive
    }

    /// The lines of a message without those of base64, which depend on who packs.
    static func withoutPacking(_ message: ByteBuffer) -> [Substring] {
        String(buffer: message).split(separator: "\r\n", omittingEmptySubsequences: false).filter { line in
            let isBase64 = line.utf8.allSatisfy {
                $0 == 0x2B || $0 == 0x2F || $0 == 0x3D || Character(Unicode.Scalar($0)).isLetter || Character(Unicode.Scalar($0)).isNumber
            }
            return line.isEmpty || !isBase64 || line.utf8.count % 4 != 0
        }
    }

    /// Without gzip's frame.
    static func deflated(_ gzip: ByteBuffer) throws -> ByteBuffer { try #require(gzip.getSlice(at: gzip.readerIndex + 10, length: gzip.readableBytes - 18)) }
}

/// Nil: it cannot be read.
private func contents(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var octets: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { octets += chunk[..<count] }
    return octets
}
