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
/// To be found within a minute, step by step, each a branch that coverage sees: a redirect, beside a network, of one digit. No seed has it.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    let line = octets.prefix { $0 != UInt8(ascii: "\n") }
    // try?: what is no record is not looked at.
    guard let record = try? SPFRecord(String(decoding: line, as: UTF8.self)), record.redirect != nil else { return }
    for directive in record.directives {
        guard case .ipv4(_, let length) = directive.mechanism else { continue }
        if length < 10 { preconditionFailure("the planted bug") }
    }
}
#endif
