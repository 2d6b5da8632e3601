import Conversation
import MessageFormat
import NIOCore
import Synchronization
import Testing
import Transport

@testable import PostOffice

@Suite("A report is found by its octets, whatever its part is called, and nothing that is packed grows without end: TRAPS §2.22; RFC 9990 §8")
struct ReportOpenerTests {
    private let zlib = ZlibCompressor()
    private var opener: ReportOpener { ReportOpener(compression: zlib) }

    private func refusal(_ message: ByteBuffer) -> String? {
        do throws(ReportOpener.Fault) {
            _ = try opener.reports(in: message)
            return nil
        } catch { return error.reason }
    }

    @Test("plain, gzip, zip stored, deflated and of unknown length; named rightly and wrongly")
    func forms() throws {
        let xml = try ReportSample.file("google.xml")
        let gzip = try zlib.gzip(xml)
        let deflated = try ReportSample.deflated(gzip)
        let expected = ReportOpener.Report.dmarc(try AggregateReport(xml))
        let contents = [
            xml, gzip, ReportSample.zip([("a.xml", xml, 0, false)]), ReportSample.zip([("a.xml", deflated, 8, false)]),
            ReportSample.zip([("a.xml", deflated, 8, true)]), ReportSample.zip([("a.xml.gz", gzip, 0, false)]),
        ]
        for content in contents {
            for (type, name) in [
                ("application/gzip", "a.xml.gz"), ("application/zip", "a.zip"), ("application/octet-stream", "x"), ("text/xml", "../../etc/passwd"),
            ] {
                #expect(try opener.reports(in: ReportSample.message(content, type: type, name: name)) == [expected])
            }
        }
        let json = try ReportSample.file("google-tls.json")
        for content in [json, try zlib.gzip(json)] {
            guard case .tls = try opener.reports(in: ReportSample.message(content, type: "text/plain"))[0] else { return #expect(Bool(false)) }
        }
        // The message is the report.
        var alone = ByteBuffer(string: "Content-Type: text/xml\r\n\r\n")
        alone.writeImmutableBuffer(xml)
        #expect(try opener.reports(in: alone) == [expected])
    }

    @Test("bombs of gzip, of zip, in layers and in many parts end at the bound")
    func bombs() throws {
        let zeros = ByteBuffer(repeating: 0x20, count: 40 << 20)
        let bomb = try zlib.gzip(zeros)
        #expect(refusal(ReportSample.message(bomb))?.contains("too large") == true)
        let inZip = ReportSample.zip([("a", try ReportSample.deflated(bomb), 8, true)])
        #expect(refusal(ReportSample.message(inZip))?.contains("too large") == true)
        var layers = try ReportSample.file("google.xml")
        for _ in 0..<5 { layers = try zlib.gzip(layers) }
        #expect(refusal(ReportSample.message(layers))?.contains("over and over") == true)
        // A small thing that grows a thousandfold is one too, below the ten megabytes.
        #expect(refusal(ReportSample.message(try zlib.gzip(ByteBuffer(repeating: 0x20, count: 5 << 20))))?.contains("too large") == true)
        let many = ReportSample.zip(try (0..<8).map { ("f\($0)", try ReportSample.deflated(bomb), 8, false) })
        #expect(refusal(ReportSample.message(many))?.contains("too large") == true)
    }

    /// Makes as much as it may of anything, and remembers how much that was.
    private final class Maker: Compressor {
        private let sum = Mutex(0)
        let isHonest: Bool
        var made: Int { sum.withLock { $0 } }

        init(isHonest: Bool) { self.isHonest = isHonest }

        func gzip(_ octets: ByteBuffer) throws(CompressedFault) -> ByteBuffer { throw .unavailable }

        func expand(_ octets: ByteBuffer, _ form: CompressedForm, most: Int) throws(CompressedFault) -> ByteBuffer {
            sum.withLock { $0 += most }
            if !isHonest { throw .malformed }
            return ByteBuffer(repeating: 0, count: most)
        }
    }

    @Test("of all parts, files and layers together no more than ten megabytes are made, be there a report in them or not", arguments: [true, false])
    func made(_ isHonest: Bool) throws {
        let packed = ByteBuffer(repeating: 1, count: 20_000)
        let archive = ReportSample.zip((0..<ZipArchive.mostFiles).map { ("f\($0)", packed, 8, false) })
        var message = ByteBuffer(string: "Content-Type: multipart/mixed; boundary=b\r\n\r\n")
        for _ in 0..<ReportOpener.mostParts {
            message.writeString("--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n")
            message.writeImmutableBuffer(Base64.lines(archive))
            message.writeString("\r\n")
        }
        message.writeString("--b--\r\n")
        let maker = Maker(isHonest: isHonest)
        #expect(throws: ReportOpener.Fault.self) { try ReportOpener(compression: maker).reports(in: message) }
        #expect(maker.made <= ReportOpener.mostExpanded && maker.made > ReportOpener.mostExpanded / 2)
    }

    @Test("files that are put into one another without being packed end at the same depth, however deep they go")
    func storedLayers() throws {
        var inner = ByteBuffer()
        for _ in 0..<3_000 { inner = ReportSample.zip([("", inner, 0, false)]) }
        #expect(refusal(ReportSample.message(inner))?.contains("over and over") == true)
    }

    @Test("what is cut, or is no report, says why")
    func nothing() throws {
        let gzip = try zlib.gzip(try ReportSample.file("google.xml"))
        #expect(refusal(ReportSample.message(try #require(gzip.getSlice(at: 0, length: gzip.readableBytes / 2))))?.contains("unpacked") == true)
        #expect(refusal(ReportSample.message(ByteBuffer(bytes: [0x1F, 0x8B, 8, 0]))) != nil)
        #expect(refusal(ByteBuffer(string: "Subject: x\r\n\r\nHello\r\n"))?.contains("nothing") == true)
        #expect(refusal(ByteBuffer()) != nil)
        #expect(refusal(ReportSample.message(ByteBuffer(string: "<html></html>"), type: "text/html"))?.contains("no report") == true)
    }

    @Test("ten megabytes of XML are read, and not one octet more")
    func large() throws {
        let head =
            "<feedback><report_metadata><org_name>x</org_name><date_range><begin>1795824000</begin></date_range></report_metadata>"
            + "<policy_published><domain>example.test</domain></policy_published>"
        let fill = ReportOpener.mostExpanded - head.utf8.count - "</feedback>".utf8.count
        for (extra, isRead) in [(0, true), (1, false)] {
            let xml = head + String(repeating: "x", count: fill + extra) + "</feedback>"
            var message = ByteBuffer(string: "Content-Type: text/xml\r\n\r\n")
            message.writeString(xml)
            #expect((refusal(message) == nil) == isRead)
        }
    }
}
