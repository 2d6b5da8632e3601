import Testing

@testable import martlet

@Suite("Memory is given back when a rush is over")
struct HeapKeeperTests {
    /// In MiB: what is resident, whether it is due, and what is left then.
    @Test("not while it grows, not for little, and not again for what is in use")
    func policy() {
        let looks: [(Int64, Bool, Int64)] = [
            (40, false, 0), (48, false, 0), (48, false, 0), (120, false, 0), (180, false, 0), (175, true, 100), (100, false, 0), (108, false, 0),
            (109, true, 45), (45, false, 0),
        ]
        var keeper = HeapKeeper()
        for (resident, isDue, left) in looks {
            let answer = keeper.isDue(resident << 20)
            #expect(answer == isDue, "at \(resident)")
            if answer { keeper.trimmed(left << 20) }
        }
    }
}
