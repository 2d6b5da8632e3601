import MessageFormat
import NIOCore
import Testing

@Suite struct ByteScannerTests {
    @Test("takes what is there and nothing else")
    func takes() {
        var scanner = ByteScanner("a OK {12}")
        #expect(!scanner.isAtEnd && scanner.remaining == 9)
        let tag = scanner.take { $0 != 0x20 }
        #expect(String(buffer: tag) == "a")
        let wrong = scanner.take(UInt8(ascii: "x"))
        let space = scanner.take(UInt8(ascii: " "))
        let otherCase = scanner.take("ok")
        let anyCase = scanner.take(caseInsensitive: "ok")
        #expect([wrong, space, otherCase, anyCase] == [false, true, false, true])
        #expect(scanner.position == 4)
        let exact = scanner.take(" {")
        let tooGreat = scanner.takeNumber(upTo: 11)
        #expect(exact && tooGreat == nil && scanner.position == 6)
        let number = scanner.takeNumber()
        let last = scanner.next()
        #expect(number == 12 && last == UInt8(ascii: "}"))
        let beyond = scanner.next()
        let nothing = scanner.take(count: 1)
        let noText = scanner.take(caseInsensitive: "x")
        #expect(beyond == nil && scanner.peek() == nil && scanner.isAtEnd && nothing == nil && !noText)
    }

    @Test("a number beyond 64 bits is none, however long")
    func numbers() {
        var scanner = ByteScanner("18446744073709551615 18446744073709551616")
        let most = scanner.takeNumber()
        scanner.skip { $0 == 0x20 }
        let place = scanner.position
        let more = scanner.takeNumber()
        #expect(most == .max && more == nil && scanner.position == place)
        var long = ByteScanner(String(repeating: "9", count: 10_000))
        let none = long.takeNumber()
        #expect(none == nil)
    }

    @Test("positions outside stop at the ends, and a copy looks ahead")
    func positions() {
        var scanner = ByteScanner(ByteBuffer(string: "xabc").getSlice(at: 1, length: 3) ?? ByteBuffer())
        var ahead = scanner
        let taken = ahead.take("ab")
        #expect(taken && scanner.position == 0 && ahead.position == 2)
        scanner.position = 99
        #expect(scanner.isAtEnd)
        scanner.position = -1
        #expect(scanner.peek() == UInt8(ascii: "a"))
        #expect(scanner.peek(at: 2) == UInt8(ascii: "c") && scanner.peek(at: 3) == nil && scanner.peek(at: -1) == nil)
        #expect(String(buffer: scanner.slice(from: 1, to: 3)) == "bc")
        #expect(scanner.slice(from: 2, to: 9).readableBytes == 0)
        #expect(scanner.slice(from: 2, to: 1).readableBytes == 0)
        #expect(String(buffer: scanner.rest) == "abc")
        let skipped = scanner.skip(while: .letters)
        #expect(skipped == 3)
    }

    @Test("octet sets answer for all 256 octets")
    func octetSets() {
        for octet in UInt8.min...UInt8.max {
            let isDigit = octet >= 0x30 && octet <= 0x39
            #expect(OctetSet.digits.contains(octet) == isDigit)
            #expect(OctetSet.eightBit.contains(octet) == (octet >= 0x80))
            #expect(
                OctetSet.token.contains(octet)
                    == (octet > 0x20 && octet < 0x7F && !"()<>@,;:\\\"/[]?=".utf8.contains(octet)))
        }
        #expect(OctetSet.lowercased(UInt8(ascii: "Z")) == UInt8(ascii: "z"))
        #expect(OctetSet.lowercased(UInt8(ascii: "[")) == UInt8(ascii: "["))
    }
}
