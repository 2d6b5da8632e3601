import NIOCore

/// What a TLS client says first, as far as it decides who answers (RFC 8446 §4.1.2): the name it asks for, and the protocols it would speak.
struct ClientHello: Hashable {
    /// SNI (RFC 6066 §3), in small letters; nil: none, or one that is no plausible host name.
    var serverName: String?
    /// ALPN (RFC 7301 §3.1), in the client's order.
    var protocols: [String] = []

    enum Reading: Hashable {
        /// More must come first.
        case incomplete
        case hello(ClientHello)
        /// It is none that can be read: the TLS library says what is wrong with it.
        case unreadable
    }

    /// A hello longer than this, or in more records, is left to the TLS library.
    private static let longest = 16 * 1024
    private static let mostRecords = 64

    /// Looks at what lies in `bytes` from the connection's beginning on, and takes nothing from it.
    static func read(_ bytes: ByteBuffer) -> Reading {
        var records = bytes
        var message = ByteBuffer()
        for _ in 0...mostRecords {
            if message.readableBytes >= 4, let head: UInt32 = message.getInteger(at: message.readerIndex) {
                guard head >> 24 == 1, head & 0xFF_FFFF <= longest else { return .unreadable }
                if message.readableBytes >= 4 + Int(head & 0xFF_FFFF) {
                    message.moveReaderIndex(forwardBy: 4)
                    guard var body = message.readSlice(length: Int(head & 0xFF_FFFF)), let hello = hello(&body) else { return .unreadable }
                    return .hello(hello)
                }
            }
            guard let type: UInt8 = records.getInteger(at: records.readerIndex) else { return .incomplete }
            guard type == 22 else { return .unreadable }
            guard let length: UInt16 = records.getInteger(at: records.readerIndex + 3) else { return .incomplete }
            guard length > 0, length <= longest else { return .unreadable }
            guard records.readableBytes >= 5 + Int(length) else { return .incomplete }
            records.moveReaderIndex(forwardBy: 5)
            guard var fragment = records.readSlice(length: Int(length)) else { return .incomplete }
            message.writeBuffer(&fragment)
        }
        return .unreadable
    }

    private static func hello(_ body: inout ByteBuffer) -> ClientHello? {
        // Version, random; session id, cipher suites, compression methods.
        guard body.readSlice(length: 34) != nil, slice(&body, UInt8.self) != nil, slice(&body, UInt16.self) != nil, slice(&body, UInt8.self) != nil else {
            return nil
        }
        var hello = ClientHello()
        guard body.readableBytes > 0 else { return hello }
        guard var extensions = slice(&body, UInt16.self) else { return nil }
        while let type = extensions.readInteger(as: UInt16.self) {
            guard var content = slice(&extensions, UInt16.self) else { return nil }
            switch type {
            case 0: hello.serverName = name(&content)
            case 16:
                guard var list = slice(&content, UInt16.self) else { return nil }
                while var item = slice(&list, UInt8.self) { hello.protocols.append(item.readString(length: item.readableBytes) ?? "") }
            default: break
            }
        }
        return hello
    }

    private static func name(_ content: inout ByteBuffer) -> String? {
        guard var list = slice(&content, UInt16.self) else { return nil }
        while let type = list.readInteger(as: UInt8.self), var item = slice(&list, UInt16.self) {
            if type == 0 { return item.readString(length: item.readableBytes).flatMap(plausible) }
        }
        return nil
    }

    /// Octets behind their number.
    private static func slice<Length: FixedWidthInteger>(_ bytes: inout ByteBuffer, _: Length.Type) -> ByteBuffer? {
        guard let length = bytes.readInteger(as: Length.self) else { return nil }
        return bytes.readSlice(length: Int(length))
    }

    /// A host name as it may stand in a log line, else nil.
    private static func plausible(_ name: String) -> String? {
        let isName = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isName && (1...255).contains(name.utf8.count) ? name.lowercased() : nil
    }
}
