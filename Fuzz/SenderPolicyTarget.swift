import SenderTrust

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzSenderPolicy(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: a network of 17 bits and a redirect, which no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    // try?: what is no record is not looked at.
    guard let record = try? SPFRecord(String(decoding: octets, as: UTF8.self)), record.redirect != nil else { return }
    for directive in record.directives {
        if case .ipv4(_, let length) = directive.mechanism { precondition(length != 17, "the planted bug") }
    }
}
#endif
