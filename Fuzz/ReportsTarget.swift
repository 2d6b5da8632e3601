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
/// To be found within a minute: a report whose first record counts 77 messages, which no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    guard let report = try? AggregateReport(ByteBuffer(bytes: octets)) else { return }
    precondition(report.records.first?.count != 77, "the planted bug")
}
#endif
