package import NIOCore

/// Takes a Content-Transfer-Encoding off (RFC 2045 §6), piece by piece, with the same result for every way of cutting.
/// Nothing is rejected: what breaks the encoding is left out (base64) or left as it stands (quoted-printable).
package struct TransferDecoder: Sendable {
    private enum Scheme {
        case identity
        case base64(Base64Decoder)
        case quotedPrintable(QuotedPrintableDecoder)
    }

    private var scheme: Scheme

    package static let identity = TransferDecoder(scheme: .identity)

    private init(scheme: Scheme) { self.scheme = scheme }

    /// Nil for an encoding that is not known, whose octets cannot be given decoded (RFC 9051 §6.4.5 BINARY:
    /// UNKNOWN-CTE).
    package init?(_ encoding: String) {
        switch encoding.lowercased() {
        case "7bit", "8bit", "binary", "": scheme = .identity
        case "base64": scheme = .base64(Base64Decoder())
        case "quoted-printable": scheme = .quotedPrintable(QuotedPrintableDecoder())
        default: return nil
        }
    }

    package static func isKnown(_ encoding: String) -> Bool { TransferDecoder(encoding) != nil }

    /// Appends what these octets decode to; at most 1 KiB is held back for the next piece.
    package mutating func decode(_ input: ByteBuffer, into output: inout ByteBuffer) {
        switch scheme {
        case .identity:
            output.writeImmutableBuffer(input)
        case .base64(var decoder):
            input.withUnsafeReadableBytes { octets in
                let most = octets.count + Base64Decoder.heldBack
                _ = output.writeWithUnsafeMutableBytes(minimumWritableBytes: most) { decoder.decode(octets, into: $0) }
            }
            scheme = .base64(decoder)
        case .quotedPrintable(var decoder):
            scheme = .identity
            input.withUnsafeReadableBytes { octets in
                let most = octets.count + decoder.heldBack
                _ = output.writeWithUnsafeMutableBytes(minimumWritableBytes: most) { decoder.decode(octets, into: $0) }
            }
            scheme = .quotedPrintable(decoder)
        }
    }

    /// Appends what was held back; after the last `decode`.
    package mutating func finish(into output: inout ByteBuffer) {
        switch scheme {
        case .identity: break
        case .base64(var decoder): output.writeBytes(decoder.flush())
        case .quotedPrintable(let decoder): output.writeBytes(decoder.rest)
        }
    }

    /// A whole body at once.
    package static func decoded(_ body: ByteBuffer, encoding: String) -> ByteBuffer? {
        guard var decoder = TransferDecoder(encoding) else { return nil }
        var output = ByteBuffer()
        decoder.decode(body, into: &output)
        decoder.finish(into: &output)
        return output
    }
}

/// RFC 2045 §6.8: octets outside the alphabet are passed over; "=" ends a group, after which another may begin.
struct Base64Decoder: Sendable {
    private var bits: UInt32 = 0
    private var digits = 0

    /// Octets that may come out besides those that come in: a group whose digits came earlier.
    static let heldBack = 2

    /// `output` has room for as many octets as came and `heldBack`.
    mutating func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        var written = 0
        Base64Decoder.values.withUnsafeBufferPointer { values in
            for octet in input {
                let value = values[Int(octet)]
                if value < 64 {
                    bits = bits &<< 6 | UInt32(value)
                    digits += 1
                    guard digits == 4 else { continue }
                    output[written] = UInt8(truncatingIfNeeded: bits &>> 16)
                    output[written + 1] = UInt8(truncatingIfNeeded: bits &>> 8)
                    output[written + 2] = UInt8(truncatingIfNeeded: bits)
                    written += 3
                    digits = 0
                } else if octet == UInt8(ascii: "=") {
                    for last in flush() {
                        output[written] = last
                        written += 1
                    }
                }
            }
        }
        return written
    }

    mutating func flush() -> [UInt8] {
        defer { digits = 0 }
        switch digits {
        case 2: return [UInt8(truncatingIfNeeded: bits &>> 4)]
        case 3: return [UInt8(truncatingIfNeeded: bits &>> 10), UInt8(truncatingIfNeeded: bits &>> 2)]
        default: return []
        }
    }

    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, digit) in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8.enumerated() {
            values[Int(digit)] = UInt8(value)
        }
        return values
    }()
}

/// RFC 2045 §6.7. Blanks before a line end go (rule 3), soft line breaks go (rule 5), a "=" that means nothing stays.
struct QuotedPrintableDecoder: Sendable {
    private enum State {
        case plain
        case equals
        case equalsBlank
        case digit(UInt8)
        case softReturn
    }

    // A run of more blanks than a line may have is text.
    private static let longestBlank = 1_000

    private var state = State.plain
    private var blanks: [UInt8] = []

    /// Octets that may come out besides those that come in.
    var heldBack: Int { blanks.count + 2 }

    /// What is left at the end: a "=" that lacks its second digit. Final blanks and a final soft break go.
    var rest: [UInt8] {
        if case .digit(let first) = state { [UInt8(ascii: "="), first] } else { [] }
    }

    mutating func decode(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int {
        var sink = OctetSink(octets: output)
        for octet in input { take(octet, into: &sink) }
        return sink.count
    }

    private mutating func take(_ octet: UInt8, into sink: inout OctetSink) {
        switch state {
        case .plain: plain(octet, into: &sink)
        case .equals: afterEquals(octet, into: &sink)
        case .digit(let first):
            state = .plain
            if let high = Hex.value(first), let low = Hex.value(octet) {
                sink.write(high << 4 | low)
            } else {
                sink.write(UInt8(ascii: "="))
                sink.write(first)
                plain(octet, into: &sink)
            }
        case .softReturn:
            state = .plain
            if octet != 0x0A { plain(octet, into: &sink) }
        case .equalsBlank:
            if octet == 0x0D || octet == 0x0A {
                blanks.removeAll(keepingCapacity: true)
                state = octet == 0x0D ? .softReturn : .plain
            } else if octet == 0x20 || octet == 0x09, blanks.count < QuotedPrintableDecoder.longestBlank {
                blanks.append(octet)
            } else {
                state = .plain
                sink.write(UInt8(ascii: "="))
                plain(octet, into: &sink)
            }
        }
    }

    private mutating func plain(_ octet: UInt8, into sink: inout OctetSink) {
        switch octet {
        case 0x20, 0x09:
            if blanks.count == QuotedPrintableDecoder.longestBlank { releaseBlanks(into: &sink) }
            blanks.append(octet)
        case 0x0D, 0x0A:
            blanks.removeAll(keepingCapacity: true)
            sink.write(octet)
        case UInt8(ascii: "="):
            releaseBlanks(into: &sink)
            state = .equals
        default:
            releaseBlanks(into: &sink)
            sink.write(octet)
        }
    }

    private mutating func afterEquals(_ octet: UInt8, into sink: inout OctetSink) {
        switch octet {
        case 0x0A: state = .plain
        case 0x0D: state = .softReturn
        case 0x20, 0x09:
            blanks.append(octet)
            state = .equalsBlank
        case _ where Hex.value(octet) != nil: state = .digit(octet)
        default:
            state = .plain
            sink.write(UInt8(ascii: "="))
            plain(octet, into: &sink)
        }
    }

    private mutating func releaseBlanks(into sink: inout OctetSink) {
        guard !blanks.isEmpty else { return }
        for blank in blanks { sink.write(blank) }
        blanks.removeAll(keepingCapacity: true)
    }
}

/// Octets written one after another into room that is large enough.
struct OctetSink {
    let octets: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(octets: UnsafeMutableRawBufferPointer) { self.octets = octets }

    mutating func write(_ octet: UInt8) {
        guard count < octets.count else { return }
        octets[count] = octet
        count += 1
    }
}
