/// An enhanced mail system status code: `5.1.10` (RFC 3463 §2, RFC 5248).
package struct EnhancedStatus: Hashable, Sendable, CustomStringConvertible {
    /// 2, 4 or 5.
    package let category: UInt8
    /// 0...999.
    package let subject: UInt16
    /// 0...999.
    package let detail: UInt16

    /// Nil when a number is out of its range.
    package init?(_ category: Int, _ subject: Int, _ detail: Int) {
        guard category == 2 || category == 4 || category == 5, (0...999).contains(subject), (0...999).contains(detail) else { return nil }
        self.category = UInt8(category)
        self.subject = UInt16(subject)
        self.detail = UInt16(detail)
    }

    // status-code = class "." subject "." detail
    package init?(_ text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].count == 1 else { return nil }
        var numbers: [Int] = []
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
            numbers.append(part.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) })
        }
        self.init(numbers[0], numbers[1], numbers[2])
    }

    package var description: String { "\(category).\(subject).\(detail)" }
}
