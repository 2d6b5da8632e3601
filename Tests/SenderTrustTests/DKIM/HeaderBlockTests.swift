import NIOCore
import Testing

@testable import SenderTrust

@Suite struct HeaderBlockTests {
    private func canonical(_ header: String, _ canonicalization: Canonicalization, _ names: [String]) -> String {
        let block = HeaderBlock(ByteBuffer(string: header))
        var octets: [UInt8] = []
        for place in block.select(names, own: nil) { block.write(place, canonicalization, to: &octets) }
        return String(decoding: octets, as: UTF8.self)
    }

    @Test("the example of RFC 6376 §3.4.5")
    func example() {
        let header = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n"
        #expect(canonical(header, .relaxed, ["a", "b"]) == "a:X\r\nb:Y Z\r\n")
        #expect(canonical(header, .simple, ["a", "b"]) == "A: X\r\nB : Y\t\r\n\tZ  \r\n")
    }

    @Test("a value that begins on the second line has no blank before it, and none where there is no value: RFC 6376 §3.4.2")
    func folded() {
        #expect(canonical("Subject:\r\n text\r\n", .relaxed, ["subject"]) == "subject:text\r\n")
        #expect(canonical("Subject:\r\n \r\n\t\r\n", .relaxed, ["subject"]) == "subject:\r\n")
        #expect(canonical("Subject:x\r\n", .relaxed, ["subject"]) == "subject:x\r\n")
        #expect(canonical("Subject:  x\t\t y  \r\n", .simple, ["subject"]) == "Subject:  x\t\t y  \r\n")
    }

    @Test("fields of one name are taken from below, each once; beyond them nothing: RFC 6376 §5.4.2")
    func selection() {
        let header = "A: 1\r\nB: 2\r\na: 3\r\nA : 4\r\n\r\n"
        #expect(canonical(header, .relaxed, ["a", "b", "a", "c", "a", "a", "b"]) == "a:4\r\nb:2\r\na:3\r\na:1\r\n")
        let block = HeaderBlock(ByteBuffer(string: header))
        #expect(block.select(["a", "a", "a"], own: 2) == [3, 0] && block.select(["a"], own: 3) == [2])
    }

    @Test("the value of b= is hashed as if it were empty, and its field without its line end: RFC 6376 §3.7")
    func gap() {
        let header = "D: a=b; b= AB\r\n CD ; c=d\r\n\r\n"
        let block = HeaderBlock(ByteBuffer(string: header))
        var (relaxed, simple): ([UInt8], [UInt8]) = ([], [])
        block.write(0, .relaxed, without: 10..<19, isLast: true, to: &relaxed)
        block.write(0, .simple, without: 10..<19, isLast: true, to: &simple)
        #expect(String(decoding: relaxed, as: UTF8.self) == "d:a=b; b=; c=d")
        #expect(String(decoding: simple, as: UTF8.self) == "D: a=b; b=; c=d")
    }

    @Test("a header ends at its empty line, wherever its pieces end, and is held up to its limit")
    func gathering() {
        for text in ["A: b\r\n\r\nbody\r\n", "\r\nbody", "A: b\n\nbody", "A: b\r\n\r x\r\n\r\nbody", "A: b", "", "A: b\r\n\r", "A: b\r\n\rc\r\n"] {
            let octets = Array(text.utf8)
            var whole = HeaderGathering(most: 100)
            var rest = ByteBuffer(bytes: octets)
            whole.take(&rest)
            whole.finish()
            for split in 0...octets.count {
                var gathering = HeaderGathering(most: 100)
                var body = ByteBuffer()
                for piece in [octets[..<split], octets[split...]] {
                    var piece = ByteBuffer(bytes: piece)
                    gathering.take(&piece)
                    body.writeBuffer(&piece)
                }
                gathering.finish()
                #expect(gathering.header == whole.header && body == rest && gathering.progress == .whole, "\(text.debugDescription) \(split)")
            }
        }
        var long = HeaderGathering(most: 9)
        for piece in ["A: b\r\n", "C", ": d\r\n", "\r\n"] {
            var piece = ByteBuffer(string: piece)
            long.take(&piece)
        }
        #expect(long.progress == .tooLong && long.header.readableBytes == 0)
    }
}
