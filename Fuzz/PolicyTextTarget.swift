import SenderTrust

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzPolicyText(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: a strict policy of three report addresses, which no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    guard let record = DMARCRecord(String(decoding: octets, as: UTF8.self)) else { return }
    precondition(record.aggregateReports.count != 3 || record.dkimAlignment == .relaxed, "the planted bug")
}
#endif
