import MailModel
import Testing

@Suite("Number sets")
struct NumberSetTests {
    /// Numbers that are the same for the same seed.
    struct SplitMix: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    @Test(
        "ranges are sorted, disjoint and not adjacent, whatever they came from",
        arguments: [
            ([], ""), ([5...5], "5"), ([3...4, 1...2], "1:4"), ([1...3, 2...9, 5...6], "1:9"), ([1...1, 3...3], "1,3"), ([9...9, 7...7, 8...8], "7:9"),
            ([1...UInt32.max, 5...6], "1:4294967295"), ([UInt32.max...UInt32.max, 1...1], "1,4294967295"),
            ([UInt32.max - 1...UInt32.max - 1, UInt32.max...UInt32.max], "4294967294:4294967295"), ([2...2, 2...2], "2"),
        ] as [([ClosedRange<UInt32>], String)])
    func ranges(ranges: [ClosedRange<UInt32>], written: String) {
        #expect(NumberSet(ranges).description == written)
    }

    @Test("a range of four thousand million numbers costs what one does")
    func endless() {
        let all = NumberSet(1...UInt32.max)
        #expect(all.count == 4_294_967_295 && all.contains(UInt32.max) && !all.contains(0 as UInt32) && all.ranges.count == 1)
        #expect(all.intersection(NumberSet([3...4, 9...9])).description == "3:4,9")
    }

    @Test("insertion, lookup and intersection do what a Set does", arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func model(seed: UInt64) {
        var random = SplitMix(state: seed)
        for _ in 0..<60 {
            let (left, leftModel) = sample(&random)
            let (right, rightModel) = sample(&random)
            #expect(Set(left.numbers) == leftModel && left.count == leftModel.count && left.isEmpty == leftModel.isEmpty)
            #expect(left.first == leftModel.min() && left.last == leftModel.max())
            for number in UInt32(1)...70 { #expect(left.contains(number) == leftModel.contains(number)) }
            #expect(Set(left.intersection(right).numbers) == leftModel.intersection(rightModel))
            #expect(left.intersection(right) == right.intersection(left))
            #expect(Set(left.subtracting(right).numbers) == leftModel.subtracting(rightModel))
            #expect(left.subtracting(right).intersection(right).isEmpty)
            #expect(NumberSet(leftModel.compactMap { UID(rawValue: $0) }) == left)
            #expect(zip(left.ranges, left.ranges.dropFirst()).allSatisfy { $0.upperBound + 1 < $1.lowerBound })
        }
    }

    private func sample(_ random: inout SplitMix) -> (NumberSet, Set<UInt32>) {
        var set = NumberSet()
        var model: Set<UInt32> = []
        for _ in 0..<Int.random(in: 0...40, using: &random) {
            let number = UInt32.random(in: 1...64, using: &random)
            set.insert(number)
            model.insert(number)
        }
        return (set, model)
    }
}
