import IMAP
import MailModel
import Synchronization
import Testing

/// A clock that goes on by some seconds whenever it is asked.
private final class TickingClock: Sendable {
    private let now = Atomic<Int64>(House.now.rawValue)
    private let step: Int64

    init(_ step: Int64) { self.step = step }

    func callAsFunction() -> Timestamp { Timestamp(rawValue: now.add(step, ordering: .relaxed).newValue) }
}

extension IMAPSettings {
    /// Each look at the clock takes so many seconds.
    mutating func tick(by step: Int64) {
        let clock = TickingClock(step)
        self.clock = { clock() }
        loginPatience = .max / 2
    }
}

@Suite("INPROGRESS: RFC 9585")
struct ProgressTests {
    @Test("not more often than every five seconds")
    func quick() async throws {
        let house = try await House { $0.tick(by: 1) }
        for _ in 0..<600 { try await house.deliver(Sample.plain) }
        #expect(await house.selected().send("a SORT (SUBJECT) UTF-8 ALL\r\n").hasPrefix("* SORT 1 2 3"))
    }
}
