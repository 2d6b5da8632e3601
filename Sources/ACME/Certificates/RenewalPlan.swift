package import MailModel

/// What a CA says about when a certificate should be renewed (RFC 9773 §4.2).
package struct RenewalInfo: Hashable, Sendable {
    package let start: Timestamp
    /// After `start`.
    package let end: Timestamp
    /// When the CA is to be asked again.
    package let nextLook: Timestamp
    /// A URL, in printable ASCII: why it is so.
    package let explanation: String?

    /// Seconds, where the CA does not say how long (RFC 9773 §4.3.1 has six hours), and the bounds of what it may say (§4.3.2 has one minute and one day).
    static let usualWait: Int64 = 6 * 3_600
    static let waits: ClosedRange<Int64> = 60...86_400
}

/// When a certificate is renewed: within the window that the CA suggests, otherwise around two thirds of its life, at a place that chance has chosen, so that
/// not all come at once.
package struct RenewalPlan: Hashable, Sendable {
    package let due: Timestamp

    /// Parts of its life: the window without a suggestion, and when it is renewed at the latest, whatever is suggested.
    private static let usualStart = (5, 8)
    private static let usualEnd = (17, 24)
    private static let latest = (11, 12)
    /// When it is renewed at the earliest, of its life and in seconds: a CA that wants each one renewed at once is not obeyed without end.
    private static let earliest = (1, 12)
    private static let longestEarliest: Int64 = 86_400

    /// - parameter place: 0..<1, chosen once for a certificate: where in the window.
    package init(notBefore: Timestamp, notAfter: Timestamp, info: RenewalInfo?, place: Double) {
        let life = max(0, notAfter.rawValue - notBefore.rawValue)
        func part(_ part: (Int, Int)) -> Int64 { notBefore.rawValue + life / Int64(part.1) * Int64(part.0) }
        var (start, end) = (part(RenewalPlan.usualStart), part(RenewalPlan.usualEnd))
        let latest = part(RenewalPlan.latest)
        if let info { (start, end) = (min(info.start.rawValue, latest), min(info.end.rawValue, latest)) }
        let place = place.isFinite ? min(max(place, 0), 1) : 0.5
        let earliest = min(part(RenewalPlan.earliest), notBefore.rawValue + RenewalPlan.longestEarliest)
        due = Timestamp(rawValue: max(earliest, start + Int64((Double(max(0, end - start)) * place).rounded(.down))))
    }
}
