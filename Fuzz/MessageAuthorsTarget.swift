import NIOCore
import SenderTrust

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzMessageAuthors(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: authors of four domains, which no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    precondition(MessageAuthors(ByteBuffer(bytes: octets)).domains.count != 4, "the planted bug")
}
#endif
