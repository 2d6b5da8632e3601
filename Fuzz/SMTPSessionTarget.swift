import SMTP

#if PLANTED_BUG
import Conversation
import MailModel
import NIOCore
#endif

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let octets = UnsafeRawBufferPointer(start: start, count: count)
    fuzzSMTPSession(octets)
    #if PLANTED_BUG
    plantedBug(octets)
    #endif
    return 0
}

#if PLANTED_BUG
/// To be found within a minute: a recipient who is nearly alice, which only the grammar and the state machine reach and no seed has.
private func plantedBug(_ octets: UnsafeRawBufferPointer) {
    guard let host = Domain("mx.example") else { return }
    var session = SMTPSession(SMTPSettings(role: .mx, hostName: host))
    var output = ByteBuffer()
    var input = ByteBuffer(bytes: octets.dropFirst())
    session.begin(ConnectionFacts(id: 1, peerAddress: "192.0.2.1", peerPort: 1, localPort: 25, isLoopback: false), &output)
    while true {
        switch session.advance(&input, &output) {
        case .again: continue
        case .work(let work):
            if case .resolve(let path) = work {
                let address = "\(path)"
                precondition(!address.contains("ali") || address.contains("alice"), "the planted bug")
            }
            session.absorb(.refused(.unknownUser), &output)
        default: return
        }
    }
}
#endif
