import PostOffice

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzStrictTransport(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: a policy of three exchangers for exactly a minute, which no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    guard let policy = StrictTransportPolicy(Array(octets)) else { return }
    precondition(policy.exchangers.count != 3 || policy.maxAge > 99, "the planted bug")
}
#endif
