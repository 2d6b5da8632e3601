import NIOCore
import SenderTrust

/// The message that a check is asked about, on standard input.
enum CheckedMessage {
    /// Octets; more is refused.
    private static let longest = 256 << 20

    /// As SMTP would have brought it: lines that end with LF alone, as files have them, end with CRLF.
    static func read() throws -> SignatureObserver {
        let octets: [UInt8]
        do throws(SystemFault) { octets = try Terminal.readAll(most: longest) } catch {
            throw CommandFault(code: Sysexit.ioError, text: error.description)
        }
        var observer = SignatureObserver()
        var piece: [UInt8] = []
        var previous: UInt8 = 0
        for octet in octets {
            if octet == 0x0A, previous != 0x0D { piece.append(0x0D) }
            piece.append(octet)
            previous = octet
            guard piece.count >= 64 << 10 else { continue }
            observer.take(ByteBuffer(bytes: piece))
            piece.removeAll(keepingCapacity: true)
        }
        observer.take(ByteBuffer(bytes: piece))
        observer.finish()
        return observer
    }
}
