import IMAP

#if PLANTED_BUG
import NIOCore
#endif

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzIMAPGrammar(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: a FETCH of six items, which only the grammar reaches and no seed has (FULL has five).
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    var reader = CommandReader(limits: CommandReader.Limits(line: 200, command: 400, message: 50))
    var input = ByteBuffer(bytes: octets.dropFirst())
    while let event = reader.next(&input) {
        guard case .command(let line) = event, let command = try? line.parse(), let arguments = command.arguments as? FetchArguments else { continue }
        precondition(arguments.items.count != 6, "the planted bug")
    }
}
#endif
