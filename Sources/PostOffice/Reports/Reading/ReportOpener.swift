import Conversation
import MessageFormat
import NIOCore

/// Finds the reports in a message: what a part is, its first octets say, and neither its type nor its name (they lie: plain XML is called `.gz`). Bounded, whatever it is.
struct ReportOpener: Sendable {
    enum Report: Hashable, Sendable {
        case dmarc(AggregateReport)
        case tls(TLSReport)
    }

    /// Why there is none, in one line.
    struct Fault: Error, Hashable, Sendable { let reason: String }

    let compression: any Compressor

    /// Octets of all that a message holds, expanded; and of all that is made by unpacking it, in all layers.
    static let mostExpanded = 10 << 20
    /// Octets made of one that is packed; small ones may grow more.
    static let mostGrowth = 250
    static let freeGrowth = 1 << 20
    /// A packed file in a packed file.
    static let mostLayers = 2
    /// Parts that are looked at, and reports that are taken.
    static let mostParts = 20
    static let mostReports = 4

    /// One at least. It takes as long as ten megabytes of XML do.
    func reports(in message: ByteBuffer) throws(Fault) -> [Report] {
        var scanner = MessageScanner()
        scanner.consume(message)
        var search = Search(room: ReportOpener.mostExpanded)
        scanner.finish().forEachPart { _, part in
            guard search.parts < ReportOpener.mostParts, case .leaf = part.content else { return }
            search.parts += 1
            guard let body = message.getSlice(at: message.readerIndex + part.bodyRange.lowerBound, length: part.bodyRange.count),
                let content = TransferDecoder.decoded(body, encoding: part.encoding)
            else { return }
            look(at: content, layers: 0, &search)
        }
        guard !search.reports.isEmpty else { throw Fault(reason: search.reason ?? "it holds nothing that looks like a report") }
        return search.reports
    }

    private struct Search {
        /// Octets of reports that may still be read.
        var room: Int
        /// Octets that may still be made, whatever they turn out to be.
        var making = ReportOpener.mostExpanded
        var parts = 0
        var reports: [Report] = []
        /// What was wrong with the last thing that looked like one.
        var reason: String?
    }

    private func look(at content: ByteBuffer, layers: Int, _ search: inout Search) {
        // What is only put into another file costs nothing to unpack, and so is bounded by itself.
        guard layers <= ReportOpener.mostLayers else { return search.reason = "it is packed over and over" }
        guard search.reports.count < ReportOpener.mostReports else { return }
        let start = content.readableBytesView.first { !ReportOpener.isBlank($0) }
        if content.readableBytesView.starts(with: [0x1F, 0x8B]) {
            expand(content, .gzip, layers, &search)
        } else if ZipArchive.isZip(content) {
            for file in ZipArchive(content).files {
                if file.isStored { look(at: file.octets, layers: layers + 1, &search) } else { expand(file.octets, .deflate, layers, &search) }
            }
        } else if start == UInt8(ascii: "{") {
            guard take(content, &search) else { return }
            if let report = TLSReport(content) { search.reports.append(.tls(report)) } else { search.reason = "it holds JSON that is no report" }
        } else if start == UInt8(ascii: "<") || content.readableBytesView.starts(with: [0xFF, 0xFE]) || content.readableBytesView.starts(with: [0xFE, 0xFF]) {
            guard take(content, &search) else { return }
            do { search.reports.append(.dmarc(try AggregateReport(content))) } catch { search.reason = "it holds XML that is no report: \(error.words)" }
        }
    }

    private func take(_ content: ByteBuffer, _ search: inout Search) -> Bool {
        guard content.readableBytes <= search.room else {
            search.reason = "it holds more than \(ReportOpener.mostExpanded) octets"
            return false
        }
        search.room -= content.readableBytes
        return true
    }

    private func expand(_ packed: ByteBuffer, _ form: CompressedForm, _ layers: Int, _ search: inout Search) {
        guard layers < ReportOpener.mostLayers else { return search.reason = "it is packed over and over" }
        let most = min(
            search.room, search.making, max(ReportOpener.freeGrowth, packed.readableBytes.multipliedReportingOverflow(by: ReportOpener.mostGrowth).partialValue)
        )
        guard most > 0 else { return search.reason = "what is packed in it is too large" }
        do {
            let plain = try compression.expand(packed, form, most: most)
            search.making -= plain.readableBytes
            // What is packed itself is counted when it is looked at.
            look(at: plain, layers: layers + 1, &search)
        } catch .tooLarge {
            // However many of them there are, no more is made.
            search.room -= most
            search.making -= most
            search.reason = "what is packed in it is too large"
        } catch {
            search.making -= most
            search.reason = "what is packed in it cannot be unpacked"
        }
    }

    /// Blanks, and the marks of UTF-8 (which are no blanks, and stand before one).
    private static func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || (0x09...0x0D).contains(octet) || octet == 0xEF || octet == 0xBB || octet == 0xBF }
}
