import CLinux
import Threading

/// Gives memory back to the system when a rush is over: what was freed in small blocks malloc keeps by itself, for ever.
struct HeapKeeper {
    /// Octets that may be kept above the least the process ever had.
    static let kept: Int64 = 8 << 20
    /// Octets of growth between two looks that mean a rush goes on.
    private static let rush: Int64 = 4 << 20

    private var least = Int64.max
    private var last = Int64.max

    /// Whether malloc should be asked to give back now. Called from time to time.
    /// - parameter resident: octets of the process in memory.
    mutating func isDue(_ resident: Int64) -> Bool {
        defer { last = resident }
        guard resident >= 0, last != .max else {
            least = min(least, max(0, resident))
            return false
        }
        least = min(least, resident)
        return resident - least > HeapKeeper.kept && resident - last < HeapKeeper.rush
    }

    /// After malloc was asked: what is resident still is in use.
    mutating func trimmed(_ resident: Int64) {
        least = resident
        last = resident
    }

    /// Looks every `interval` until the task is cancelled. What it does takes a thread of its own.
    static func keep(every interval: Duration) async {
        var keeper = HeapKeeper()
        // Before the first connection: a rush at the very beginning is not taken for the rest.
        _ = keeper.isDue(clinux_resident_octets())
        // try?: a task that is cancelled sleeps no more, and ends.
        while (try? await Task.sleep(for: interval)) != nil {
            guard keeper.isDue(clinux_resident_octets()) else { continue }
            keeper.trimmed(await trim())
        }
    }

    private static func trim() async -> Int64 {
        await withCheckedContinuation { continuation in
            do {
                try BlockingThread.start("martlet-heap") {
                    clinux_trim_heap()
                    continuation.resume(returning: clinux_resident_octets())
                }
            } catch {
                continuation.resume(returning: clinux_resident_octets())
            }
        }
    }
}
