import Glibc
import Synchronization

/// Whether the disk is above its free floor. Everybody asks before mail comes in, so the system is asked once in a while: within 10 ms no disk goes from
/// well above its floor to full.
final class RoomGauge: Sendable {
    private let path: String
    private let floor: Int64
    private let last = Mutex<(nanoseconds: Int64, hasRoom: Bool)>((.min, false))

    private static let pause: Int64 = 10_000_000

    init(path: String, floor: Int64) {
        self.path = path
        self.floor = floor
    }

    var hasRoom: Bool {
        last.withLock { last in
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
            let now = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
            guard last.nanoseconds == .min || now - last.nanoseconds >= RoomGauge.pause else { return last.hasRoom }
            last = (now, Disk.free(at: path) >= floor)
            return last.hasRoom
        }
    }
}
