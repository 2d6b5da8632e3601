import SenderTrust

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzSignatures(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: a list of seven tags of which one is empty, which no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    guard let tags = TagList(Array(octets)) else { return }
    precondition(tags.tags.count != 7 || tags.tags.allSatisfy { !$0.range.isEmpty }, "the planted bug")
}
#endif
