import FuzzEntries
import MessageFormat
import Testing

@Suite struct FuzzReplayTests {
    static let seeds =
        MessageScannerTests.shapes.map(\.0) + [
            PartNumberingTests.example, SearchableTextTests.text,
            "To: G: \"a\" <@r:b@c>, (d) e@[1];\nDate: 1 Jan 20 1:2 EST\nContent-Type: text/html; a*0*=utf-8''%C3; a*1=b\n\n<p>&amp;<style>",
            "Content-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: base64\n\nGyRCRnxLXDhsGyhC",
        ]
    static let tokens = [
        "\r\n", "\n", "\r", "--b", "--b--", "--", "Content-Type: ", "multipart/mixed; boundary=b", "message/rfc822",
        "(", ")", "<", ">", "\"", "\\",
        "=?utf-8?q?", "?=", "\0", "\u{FF}", ":", ";", "*0*=", "%", "=", "&#", " ", "\t", ",", "@", "charset=utf-16",
        "base64", "Content-Transfer-Encoding: ", "quoted-printable", "8bit", "binary", "message/global", "=\r\n", "=C3",
    ]

    @Test("what the fuzzer calls holds for every seed and 40 mutations of each", arguments: seeds.indices)
    func mutations(index: Int) {
        var random = SplitMix(state: UInt64(index) &+ 1)
        let seed = Array(FuzzReplayTests.seeds[index].replacing("\n", with: "\r\n").utf8)
        seed.withUnsafeBytes { fuzzMessageFormat($0) }
        for _ in 0..<40 {
            var octets = seed
            for _ in 0...random.below(6) { FuzzReplayTests.mutate(&octets, &random) }
            octets.withUnsafeBytes { fuzzMessageFormat($0) }
        }
    }

    private static func mutate(_ octets: inout [UInt8], _ random: inout SplitMix) {
        let place = random.below(octets.count + 1)
        switch random.below(5) {
        case 0 where place < octets.count: octets[place] = UInt8(random.below(256))
        case 1 where place < octets.count:
            octets.removeSubrange(place..<min(octets.count, place + 1 + random.below(20)))
        case 2: octets.insert(contentsOf: octets.prefix(random.below(octets.count + 1)).suffix(60), at: place)
        case 3: octets.insert(UInt8(random.below(256)), at: place)
        default: octets.insert(contentsOf: Array(tokens[random.below(tokens.count)].utf8), at: place)
        }
    }
}
