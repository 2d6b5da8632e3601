import Conversation
import MailModel
import NIOCore
import PostOffice

/// Reports of others, and what asks for them: as XML, as JSON, as a zip archive, as records of DNS and as addresses. Traps when a form does not read what it writes, or
/// holds more than it may.
package func fuzzReports(_ bytes: UnsafeRawBufferPointer) {
    let octets = ByteBuffer(bytes: bytes)
    fuzzXML(Array(bytes))
    if let report = try? AggregateReport(octets) {
        precondition(!report.policy.domain.isEmpty && report.begin > 0 && report.records.count <= AggregateReport.mostRecords, "a bound that does not hold")
        precondition(report.records.allSatisfy { $0.count >= 0 && $0.signatures.count <= 20 && $0.overrides.count <= 20 }, "a record without bound")
        // What cannot be written is gone after once.
        if let again = try? AggregateReport(report.xml) { precondition((try? AggregateReport(again.xml)) == again, "it does not read what it writes") }
    }
    if let report = TLSReport(octets), bytes.count < 8_000 { precondition(TLSReport(report.json) == report, "it does not read what it writes") }
    for file in ZipArchive(octets).files { precondition(file.octets.readableBytes <= bytes.count, "a file that is more than its archive") }
    let text = String(decoding: bytes, as: UTF8.self)
    for line in text.split(separator: "\n").prefix(20) {
        if let uri = ReportURI(line) {
            precondition(uri.mostOctets.map { $0 >= 0 } ?? true, "a size below nothing")
            if let place = uri.place {
                precondition(place.path.hasPrefix("/") && (1...65_535).contains(place.port) && !place.host.isLiteral, "a place that nobody can be sent to")
                precondition(place.path.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x23 }, "a path that is none")
            }
            if case .mail(let address) = uri.target { precondition(!address.localPart.isEmpty && !address.domain.isLiteral, "an address of nobody") }
        }
    }
    for texts in [[text], text.split(separator: "\n").map { String($0) }] {
        if let record = TLSReportRecord(texts) { precondition((1...10).contains(record.targets.count), "a record that names nobody") }
        if let record = ReportAuthorization(texts) { precondition(record.targets.count <= 10, "a record without bound") }
    }
}

private func fuzzXML(_ octets: [UInt8]) {
    var xml = XMLReader(octets)
    var (depth, events, text) = (0, 0, 0)
    let section = Array("<![CDATA[]]>".utf8)
    let hasEmptySection = octets.indices.contains { octets[$0...].starts(with: section) }
    do {
        while let event = try xml.next() {
            events += 1
            switch event {
            case .begin: depth += 1
            case .text(let piece):
                precondition(!piece.isEmpty || hasEmptySection, "a text from nothing")
                text += piece.utf8.count
            case .end: depth -= 1
            }
            precondition((0...XMLReader.mostDepth).contains(depth) && events <= 2 * octets.count + 2, "it does not come to an end")
        }
        precondition(depth == 0, "it ends within an element")
        // An octet that is no UTF-8 becomes three.
        precondition(text <= 3 * octets.count, "texts that nobody wrote")
    } catch {}
}
