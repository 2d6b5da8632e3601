import NIOCore

@testable import PostOffice

/// What a fuzzer calls with the text of BODY=BINARYMIME: however it is cut the same is kept or it is refused, and what is kept is lines.
func fuzzBinaryText(_ text: ByteBuffer) {
    let kept = recoded(text) { $0.readableBytes }
    precondition(recoded(text) { _ in 1 } == kept, "octet by octet it is kept differently")
    precondition(recoded(text) { $0.readableBytes % 7 + 1 } == kept, "in small pieces it is kept differently")
    guard let kept else { return }
    var previous: UInt8 = 0
    for octet in kept.readableBytesView {
        precondition(octet != 0, "NUL in a message")
        precondition((octet == 0x0A) == (previous == 0x0D), "a bare CR or LF in a message")
        previous = octet
    }
    precondition(previous != 0x0D, "a bare CR ends a message")
    fuzzIncomingHeader(kept)
}

/// Nil: it is refused.
private func recoded(_ text: ByteBuffer, piece: (ByteBuffer) -> Int) -> ByteBuffer? {
    var binary = BinaryText()
    var kept = ByteBuffer()
    var rest = text
    do {
        while let slice = rest.readSlice(length: min(rest.readableBytes, max(1, piece(rest)))), slice.readableBytes > 0 {
            kept.writeImmutableBuffer(try binary.recode(slice))
        }
        kept.writeImmutableBuffer(try binary.finish())
        return kept
    } catch { return nil }
}
