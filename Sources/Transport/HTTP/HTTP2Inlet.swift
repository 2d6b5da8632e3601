import NIOCore

/// The first to see what comes by an HTTP/2 connection, before NIO's reader. It sees to three things which that has no settings for:
///
/// - What we allow (our SETTINGS) holds from the first request on. NIO takes it to hold from the peer's acknowledgement on, and until then ends the connection of
///   whoever sends more than 16 KiB of a header, as clients may that do not wait for our SETTINGS (RFC 9113 §3.4). So it is acknowledged in the peer's place
///   right behind the peer's own first SETTINGS, and the peer's acknowledgement is taken out.
/// - What comes goes on in memory of its own size. NIO's reader keeps hold of the last it was given while it waits, which would be TLS's buffer of 32 KiB; and TLS
///   would need another for each read.
/// - Once the connection is over, nothing more is read of it.
final class HTTP2Inlet: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum Place {
        /// The client's preface, its 24 octets (RFC 9113 §3.4).
        case preface
        /// The frame behind it, which is its SETTINGS.
        case settings
        /// The frames before the acknowledgement of ours.
        case frames
        /// Behind it: nothing is looked at any more.
        case free
    }

    private var place = Place.preface
    /// Octets that go on as they are, before the next frame's header.
    private var left = 24
    /// Of a frame's header that came in pieces.
    private var begun = ByteBuffer()
    private(set) var isOver = false

    private static let headerOctets = 9
    private static let settings: UInt8 = 4
    private static let isAcknowledgement: UInt8 = 1

    /// Nothing that comes from now on is read.
    func end() { isOver = true }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        var octets = unwrapInboundIn(data)
        let room = octets.readableBytes + (place == .free ? 0 : 2 * HTTP2Inlet.headerOctets)
        var fitted = context.channel.allocator.buffer(capacity: room)
        while place != .free, octets.readableBytes > 0 {
            if left > 0, let piece = octets.readSlice(length: min(left, octets.readableBytes)) {
                left -= piece.readableBytes
                fitted.writeImmutableBuffer(piece)
                if left == 0 { passed(&fitted) }
            } else if let piece = octets.readSlice(length: min(HTTP2Inlet.headerOctets - begun.readableBytes, octets.readableBytes)) {
                begun.writeImmutableBuffer(piece)
                if begun.readableBytes == HTTP2Inlet.headerOctets { frameBegan(&fitted) }
            }
        }
        fitted.writeImmutableBuffer(octets)
        if fitted.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(fitted)) }
    }

    /// A frame's header is there: length, type, flags, stream (RFC 9113 §4.1).
    private func frameBegan(_ out: inout ByteBuffer) {
        let header = begun
        begun = ByteBuffer()
        let start = header.readerIndex
        guard let word: UInt32 = header.getInteger(at: start), let flags: UInt8 = header.getInteger(at: start + 4) else { return }
        let (length, type) = (Int(word >> 8), UInt8(truncatingIfNeeded: word))
        let isAcknowledgement = type == HTTP2Inlet.settings && flags & HTTP2Inlet.isAcknowledgement != 0
        switch place {
        // Anything else is no HTTP/2, which NIO says.
        case .settings where type != HTTP2Inlet.settings || isAcknowledgement: place = .free
        case .frames where isAcknowledgement && length == 0:
            place = .free
            return
        case .preface, .settings, .frames, .free: break
        }
        out.writeImmutableBuffer(header)
        left = length
        if left == 0 { passed(&out) }
    }

    /// What was under way has passed.
    private func passed(_ out: inout ByteBuffer) {
        switch place {
        case .preface: place = .settings
        case .settings:
            out.writeInteger(UInt32(HTTP2Inlet.settings))
            out.writeInteger(HTTP2Inlet.isAcknowledgement)
            out.writeInteger(UInt32(0))
            place = .frames
        case .frames, .free: break
        }
    }
}
