import NIOCore
import WebAPI

/// What is posted to autodiscover. Traps when a request has no address, holds what no text of XML can, or is read where it is longer than it may be.
package func fuzzAutodiscover(_ bytes: UnsafeRawBufferPointer) {
    guard let request = AutodiscoverRequest(ByteBuffer(bytes: bytes)) else { return }
    precondition(bytes.count <= AutodiscoverRequest.mostOctets, "a bound that does not hold")
    precondition(!request.address.isEmpty && request.address.utf8.count <= bytes.count, "an address out of nothing")
    for text in [request.address, request.responseSchema ?? ""] {
        precondition(text.unicodeScalars.allSatisfy { $0.value >= 0x20 || [0x9, 0xA, 0xD].contains($0.value) }, "a control character")
    }
}
