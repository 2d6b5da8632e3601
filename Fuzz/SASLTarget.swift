@testable import Gatehouse

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzSASL(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: a name with two escaped commas in a row, which only the grammar reaches and no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    for message in octets.dropFirst().split(separator: 0x0A) {
        precondition(SCRAMClientFirst(Array(message))?.user.contains(",,") != true, "the planted bug")
    }
}
#endif
