import SMTP

#if PLANTED_BUG
import NIOCore
#endif

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzSMTPReply(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: an offer of exactly three ways to log in beside LIMITS, which no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    var reader = ReplyReader()
    reader.feed(ByteBuffer(bytes: octets))
    while let reply = try? reader.next() {
        let offer = ServerOffer(reply)
        precondition(offer.mechanisms.count != 3 || offer.recipientLimit == nil, "the planted bug")
    }
}
#endif
