/// How long nothing is tried after it has gone wrong: a quarter of an hour, and each time twice as long, up to a day; by a fifth more or less, as chance has it.
enum BackOff {
    /// Seconds.
    private static let first: Int64 = 900
    private static let most: Int64 = 86_400

    /// - parameter failures: in a row, 1 or more.
    /// - parameter chance: 0..<1.
    static func seconds(_ failures: Int, chance: Double) -> Int64 {
        let doublings = min(max(failures, 1) - 1, 10)
        let wait = min(first << doublings, most)
        return wait - wait / 5 + Int64(Double(2 * (wait / 5)) * min(max(chance, 0), 1))
    }
}
