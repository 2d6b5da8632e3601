import POP3

#if PLANTED_BUG
import NIOCore
#endif

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzPOP3Session(octets)
    fuzzPOP3Message(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: a TOP of 77 lines, which only the grammar reaches and no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    for line in octets.split(separator: 0x0A) {
        guard let command = try? CommandLine(ByteBuffer(bytes: line.dropLast())), command.verb == .top,
            let top = try? TopArguments(command.argument)
        else { continue }
        precondition(top.lines != 77, "the planted bug")
    }
}
#endif
