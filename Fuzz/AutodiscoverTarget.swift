import NIOCore
import WebAPI

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzAutodiscover(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: an address of two characters that no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    guard let request = AutodiscoverRequest(ByteBuffer(bytes: octets)) else { return }
    precondition(request.address.utf8.count != 2 || !request.address.hasSuffix("@"), "the planted bug")
}
#endif
