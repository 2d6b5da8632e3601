import Conversation
import NIOCore
import NIOHTTP1

/// NIO's reader of HTTP/1.1, which can be asked what was wrong with a request line: it says "method" and "version" of whatever is none.
final class RequestDecoder: ByteToMessageDecoder {
    typealias InboundOut = HTTPServerRequestPart

    private let decoder: HTTPRequestDecoder
    /// While they are read, and from when they could not be.
    private var octets = ByteBuffer()

    init(_ limits: NIOHTTPDecoderLimitConfiguration) {
        decoder = HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits)
    }

    func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        octets = buffer
        let state = try decoder.decode(context: context, buffer: &buffer)
        octets = ByteBuffer()
        return state
    }

    func decodeLast(context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool) throws -> DecodingState {
        octets = buffer
        let state = try decoder.decodeLast(context: context, buffer: &buffer, seenEOF: seenEOF)
        octets = ByteBuffer()
        return state
    }

    func decoderAdded(context: ChannelHandlerContext) { decoder.decoderAdded(context: context) }
    func decoderRemoved(context: ChannelHandlerContext) { decoder.decoderRemoved(context: context) }

    /// What a request line that could not be read is answered.
    var status: Int { RequestDecoder.status(ofLine: octets.readableBytesView) }

    /// - parameter octets: from the request line on, or from within its method; of a line that began before, or stands behind another request, nothing is known
    ///   but that it is none.
    /// - returns: 501 for a request line (RFC 9112 §3) of HTTP/1 whose method nobody knows, 505 for one of another version, 400 for what is none.
    static func status(ofLine octets: ByteBufferView) -> Int {
        // Empty lines before it are passed over (RFC 9112 §2.2).
        let rest = octets.drop { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")), end > rest.startIndex, rest[end - 1] == UInt8(ascii: "\r") else { return 400 }
        let words = rest[..<(end - 1)].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count == 3, !words[1].isEmpty, words[1].allSatisfy({ (0x21...0x7E).contains($0) }) else { return 400 }
        let (method, version) = (String(decoding: words[0], as: UTF8.self), Array(words[2]))
        guard HTTPFields.isToken(method), version.count == 8, version.starts(with: "HTTP/".utf8), version[6] == UInt8(ascii: ".") else { return 400 }
        guard let major = digit(version[5]), digit(version[7]) != nil else { return 400 }
        guard major == 1 else { return 505 }
        return HTTPMethods.known.contains(method) ? 400 : 501
    }

    private static func digit(_ octet: UInt8) -> UInt8? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) ? octet - UInt8(ascii: "0") : nil
    }
}
