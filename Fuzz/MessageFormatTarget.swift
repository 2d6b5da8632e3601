import MessageFormat

#if PLANTED_BUG
import NIOCore
#endif

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzMessageFormat(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: a message of exactly seven parts, which no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    var scanner = MessageScanner(limits: MessageLimits())
    scanner.consume(ByteBuffer(bytes: octets))
    var parts = 0
    scanner.finish().forEachPart { _, _ in parts += 1 }
    precondition(parts != 7, "the planted bug")
}
#endif
