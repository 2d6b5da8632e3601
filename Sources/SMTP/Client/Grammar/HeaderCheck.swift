import NIOCore

/// Whether a message's header is ASCII alone (RFC 5322), or needs SMTPUTF8 (RFC 6532); fed piece by piece up to its end.
struct HeaderCheck {
    enum Finding: Hashable {
        /// So far it is; there is more.
        case unfinished
        case ascii
        case notASCII
    }

    private(set) var finding = Finding.unfinished
    /// Only a CR has come since the last LF, or nothing.
    private var isLineEmpty = true

    mutating func feed(_ piece: ByteBuffer) {
        guard finding == .unfinished else { return }
        for octet in piece.readableBytesView {
            switch octet {
            case 0x80...0xFF:
                finding = .notASCII
                return
            case 0x0A where isLineEmpty:
                finding = .ascii
                return
            case 0x0A: isLineEmpty = true
            case 0x0D: break
            default: isLineEmpty = false
            }
        }
    }
}
