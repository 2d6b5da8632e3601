import NIOCore
import NIOEmbedded
import Testing

@testable import Transport

@Suite("Clocks of connections")
struct PeerClockTests {
    @Test("a timer is armed once for whatever ends later, anew for what ends sooner, and not at all once it is disarmed")
    func timers() {
        let loop = EmbeddedEventLoop()
        var fired: [String] = []
        var timer = LazyTimer()
        let (soon, late) = (NIODeadline.uptimeNanoseconds(0) + .seconds(10), NIODeadline.uptimeNanoseconds(0) + .seconds(20))
        #expect(timer.isLate(for: late))
        timer.arm(late, on: loop) { fired.append("late") }
        #expect(!timer.isLate(for: late) && timer.isLate(for: soon))
        timer.arm(soon, on: loop) { fired.append("soon") }
        #expect(!timer.isLate(for: late))
        loop.advanceTime(to: late)
        #expect(fired == ["soon"])
        timer.fired()
        #expect(timer.isLate(for: late))
        timer.arm(late + .seconds(1), on: loop) { fired.append("never") }
        timer.disarm()
        loop.advanceTime(by: .seconds(60))
        #expect(fired == ["soon"] && timer.isLate(for: late))
    }

    @Test("a trickle is progress once there is enough of it")
    func trickle() {
        var clock = PeerClock()
        #expect(clock.isIdle)
        clock.phaseBegan()
        let began = clock.quietSince
        #expect(!clock.isIdle && clock.phaseSince == began)
        clock.used(9, least: 10)
        clock.used(-5, least: 10)
        #expect(clock.quietSince == began)
        while NIODeadline.now() == began {}
        clock.used(1, least: 10)
        #expect(clock.quietSince > began && clock.phaseSince == began)
        clock.stallBegan(flushed: 7)
        #expect(clock.stall?.flushed == 7)
        clock.stallEnded()
        #expect(clock.stall == nil)
    }
}
