import MailModel
import MessageFormat
import NIOCore
import Storage

// The texts of a body, as SEARCH compares them.
extension Indexer {
    func texts(_ outline: MessageOutline, whole: ByteBuffer) throws -> [IndexedText] {
        var texts: [IndexedText] = []
        try forEachText(of: outline) { range in
            let range = range.clamped(to: 0..<whole.readableBytes)
            return whole.getSlice(at: whole.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
        } visit: {
            texts.append($0)
        }
        return texts
    }

    /// Of a large body, read in ranges.
    func words(_ outline: MessageOutline, of body: BodyID, for account: AccountID) throws -> YoungWords {
        var words = YoungWords()
        guard words.begin(body) else { return words }
        try forEachText(of: outline) {
            try reader.readText($0, of: body, by: .account(account))
        } visit: {
            words.add($0)
        }
        return words
    }

    private func forEachText(
        of outline: MessageOutline, _ octets: (Range<Int>) throws -> ByteBuffer, visit: (IndexedText) -> Void
    ) throws {
        var header: [UInt8] = []
        SearchableText.fold(header: try octets(0..<min(outline.headerSize, MessageLimits.standard.headerOctets)), into: &header)
        visit(IndexedText(zones: .header, octets: header))
        try SearchableText(outline).forEach(readNow: octets) { text in
            visit(IndexedText(zones: .body, octets: text))
            return true
        }
    }
}
