import MessageFormat
import NIOCore
import Testing

@Suite("Base64 of protocols: RFC 4648 §4")
struct Base64Tests {
    @Test(
        "what the RFC's examples say (§10)",
        arguments: [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmE=", "fooba"), ("Zm9vYmFy", "foobar")])
    func examples(_ text: String, _ meant: String) {
        #expect(Base64.decode(Array(text.utf8)) == Array(meant.utf8))
        #expect(Base64.decode(ByteBuffer(string: text)) == Array(meant.utf8))
    }

    @Test("every octet in every place")
    func octets() {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        for high in UInt8.min...UInt8.max {
            let octets: [UInt8] = [high, ~high, high &* 31]
            let bits = octets.reduce(0) { $0 << 8 | Int($1) }
            let text = [18, 12, 6, 0].map { letters[bits >> $0 & 63] }
            #expect(Base64.decode(text) == octets)
            // An octet that is no letter of it, wherever it stands.
            guard !letters.contains(high) else { continue }
            for place in 0..<4 where !(high == UInt8(ascii: "=") && place == 3) {
                var broken = text
                broken[place] = high
                #expect(Base64.decode(broken) == nil)
            }
        }
    }

    @Test(
        "anything else is none: a length of its own, padding elsewhere, bits that are left over",
        arguments: ["Z", "Zg", "Zg=", "Zg===", "=", "====", "Zg==Zg==", "Z===", "=g==", "Zm=v", "Zh==", "Zm9=", "Zm9v\n", "Zm 9", "Zm9v====", "Zm-_"])
    func none(_ text: String) { #expect(Base64.decode(Array(text.utf8)) == nil) }
}
