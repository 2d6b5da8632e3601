import MessageFormat
import NIOCore
import Testing

@testable import IMAP

@Suite("Text on its way to a client")
struct WireTextTests {
    private func written(_ body: (inout ByteBuffer) -> Void) -> String {
        var output = ByteBuffer()
        body(&output)
        return String(buffer: output)
    }

    @Test("octets that may not stand in quotes are found at every place: RFC 9051 §9 quoted, QUOTED-CHAR", arguments: 0..<20)
    func octets(place: Int) {
        for octet in UInt8.min...UInt8.max {
            var text = [UInt8](repeating: UInt8(ascii: "a"), count: 20)
            text[place] = octet
            let output = text.withUnsafeBytes { octets in
                var output = ByteBuffer()
                output.writeText(about: 0) { $0.writeString(octets, .ascii) }
                return Array(buffer: output)
            }
            var expected = Array("\"".utf8) + text + Array("\"".utf8)
            if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") { expected.insert(UInt8(ascii: "\\"), at: place + 1) }
            if octet < 0x20 || octet >= 0x7F {
                // RFC 9051 §9: CHAR8 has no NUL.
                if octet == 0 { text[place] = UInt8(ascii: "?") }
                expected = Array("{20}\r\n".utf8) + text
            }
            #expect(output == expected, "octet \(octet)")
        }
    }

    @Test("more than was thought of is written whole, behind what was there")
    func grows() {
        let quotes = String(repeating: "\"", count: 900)
        let output = written {
            $0.writeString("before ")
            $0.writeString(quotes, .ascii)
        }
        #expect(output == "before \"" + String(repeating: "\\\"", count: 900) + "\"")
        #expect(written { $0.writeHeaderText(String(repeating: "é", count: 100), .ascii) }.hasPrefix("\"=?utf-8?"))
    }

    @Test("numbers of every width", arguments: [0, 9, 10, 99, 100, 4_294_967_295, Int.max])
    func numbers(number: Int) {
        #expect(written { output in output.writeText(about: 0) { $0.write(decimal: number) } } == "\(number)")
    }

    @Test("a literal whose length is known behind it, in rooms of every size", arguments: 0..<80)
    func literal(room: Int) {
        let output = written {
            $0.writeString("before ")
            $0.writeText(about: room) { text in
                text.write("A ")
                text.writeLiteral(window: { 0..<$0 }) { $0.write("twelve octets") }
                text.write(" B ")
                text.writeLiteral(window: { 7..<min(10, $0) }) { $0.write("twelve octets") }
                text.writeLiteral(window: { _ in 0..<0 }) { $0.write("none") }
                text.write(")")
            }
        }
        #expect(output == "before A {13}\r\ntwelve octets B {3}\r\noct{0}\r\n)")
    }
}
