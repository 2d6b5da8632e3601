/// Times what it is given, several times over, and prints the median with the spread.
struct Measure {
    let repetitions: Int

    /// `work` answers how many units it did; the line says units a second.
    func rate(_ name: String, _ unit: String, _ work: () async throws -> Int) async rethrows {
        var rates: [Double] = []
        for _ in 0..<repetitions {
            let clock = ContinuousClock()
            let begin = clock.now
            let units = try await work()
            rates.append(Double(units) / Measure.seconds(clock.now - begin))
        }
        rates.sort()
        let median = rates[rates.count / 2]
        print("\(Measure.pad(name, 46)) \(Measure.number(median)) \(unit)/s   (\(Measure.number(rates[0])) … \(Measure.number(rates[rates.count - 1])))")
    }

    private static func seconds(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    private static func pad(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }

    private static func number(_ value: Double) -> String {
        let digits = String(Int(value))
        var out = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { out.append(",") }
            out.append(digit)
        }
        return pad("", 12 - out.count) + out
    }
}
