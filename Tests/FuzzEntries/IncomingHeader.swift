import MessageFormat
import NIOCore

@testable import PostOffice

/// What a fuzzer calls with a message that has come in: however it is cut the same is kept, it is kept as it is when it comes again, and its header, as
/// readers have it, holds fields alone and none that are dropped.
func fuzzIncomingHeader(_ message: ByteBuffer) {
    let (kept, survey) = taken(message) { $0.readableBytes }
    precondition(taken(message) { _ in 1 }.kept == kept, "octet by octet it is kept differently")
    precondition(taken(message) { $0.readableBytes % 7 + 1 }.kept == kept, "in small pieces it is kept differently")
    precondition(taken(kept) { $0.readableBytes }.kept == kept, "when it comes again it is changed again")
    precondition(survey.isComplete, "the header has no end")
    var authors = 0
    for field in HeaderFields(kept) {
        precondition(!field.name.isEmpty, "a line in the header is no field")
        precondition(!["bcc", "resent-bcc", "return-path", "content-length"].contains(field.name.lowercased()), "a field was not dropped")
        if field.isNamed("from") { authors += 1 }
    }
    precondition(authors == survey.from.count, "authors were not seen")
}

private func taken(_ message: ByteBuffer, piece: (ByteBuffer) -> Int) -> (kept: ByteBuffer, survey: HeaderSurvey) {
    var header = IncomingHeader()
    var kept = ByteBuffer()
    var rest = message
    while let slice = rest.readSlice(length: min(rest.readableBytes, max(1, piece(rest)))), slice.readableBytes > 0 {
        header.consume(slice, into: &kept)
    }
    header.finish(into: &kept)
    return (kept, header.survey)
}
