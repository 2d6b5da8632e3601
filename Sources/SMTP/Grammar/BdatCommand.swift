package import MessageFormat

/// BDAT size [LAST] (RFC 3030 §2): so many octets follow the line's CRLF.
package struct BdatCommand: Equatable, Sendable {
    package let octets: Int
    package let isLast: Bool

    // bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ] CRLF;  chunk-size = 1*DIGIT;  end-marker = "LAST"
    package init(_ argument: ByteScanner) throws(SyntaxError) {
        var scanner = argument
        guard let size = scanner.takeNumber(upTo: UInt64(Int.max)) else { throw .chunkSize }
        octets = Int(size)
        if scanner.isAtEnd {
            isLast = false
            return
        }
        guard scanner.skip(while: { $0 == UInt8(ascii: " ") }) > 0, scanner.take(caseInsensitive: "LAST"), scanner.isAtEnd else {
            throw .chunkSize
        }
        isLast = true
    }
}
