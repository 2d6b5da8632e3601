import NIOCore
import PostOffice

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzReports(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute, step by step, each a branch that coverage sees: a report whose first record counts more than a thousand messages.
/// No seed has one.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    // try?: what is no report is not looked at.
    guard let report = try? AggregateReport(ByteBuffer(bytes: octets)), let record = report.records.first else { return }
    if record.count < 10 { return }
    if record.count < 100 { return }
    if record.count > 1_000 { preconditionFailure("the planted bug") }
}
#endif
