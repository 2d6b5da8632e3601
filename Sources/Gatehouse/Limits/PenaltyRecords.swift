/// Seconds of the penalties' own clock, which only goes forward.
typealias PenaltySecond = UInt32

/// Failures in a window, in tenths: what can be nobody's login counts as one tenth.
struct FailureScore: Hashable, Sendable {
    static let whole: UInt16 = 10
    static let little: UInt16 = 1

    private(set) var tenths: UInt16 = 0
    private(set) var began: PenaltySecond = 0

    init() {}

    init(tenths: UInt16, began: PenaltySecond) {
        self.tenths = tenths
        self.began = began
    }

    /// Counts one more; windows begin with their first failure.
    mutating func add(_ weight: UInt16, window: PenaltySecond, at now: PenaltySecond) {
        if isOver(window: window, at: now) { self = FailureScore(tenths: 0, began: now) }
        tenths = tenths > .max - weight ? .max : tenths + weight
    }

    func isOver(window: PenaltySecond, at now: PenaltySecond) -> Bool { tenths == 0 || now - min(began, now) >= window }

    /// The tenths that count at `now`.
    func current(window: PenaltySecond, at now: PenaltySecond) -> UInt16 { isOver(window: window, at: now) ? 0 : tenths }

    mutating func forgive(_ tenths: UInt16) { self.tenths -= min(tenths, self.tenths) }
    mutating func clear() { tenths = 0 }
}

/// What is known of an address: 20 octets.
struct AddressRecord: Sendable {
    var score = FailureScore()
    /// It is banned before that second; 0: it never was.
    var until: PenaltySecond = 0
    /// Failures of the minute that began then, whatever they are, up to 255.
    var minuteBegan: PenaltySecond = 0
    var inMinute: UInt8 = 0
    /// Bans it has had.
    var strikes: UInt8 = 0
}

/// An account and a network from which somebody fails to log in to it.
struct PairKey: Hashable, Sendable {
    /// A keyed tag of the login name, whether or not there is such an account.
    let account: UInt64
    /// A `Network(number:)`.
    let network: UInt64
}

/// What is known of a pair: 36 octets.
struct PairRecord: Sendable {
    var score = FailureScore()
    /// It is locked before that second; 0: it never was.
    var until: PenaltySecond = 0
    var seen: PenaltySecond = 0
    /// Keyed tags of the last wrong secrets, newest first; 0: none.
    var secrets: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    /// Lockouts it has had.
    var strikes: UInt8 = 0

    func knows(_ secret: UInt32) -> Bool {
        secret != 0 && (secret == secrets.0 || secret == secrets.1 || secret == secrets.2 || secret == secrets.3)
    }

    mutating func note(_ secret: UInt32) {
        guard secret != 0 else { return }
        secrets = (secret, secrets.0, secrets.1, secrets.2)
    }
}

/// Doubles with each strike.
struct GrowingTime: Hashable, Sendable {
    let first: Duration
    let longest: Duration

    func seconds(afterStrikes strikes: UInt8) -> PenaltySecond {
        let (first, longest) = (max(1, first.components.seconds), max(1, longest.components.seconds))
        return PenaltySecond(clamping: min(longest, first << min(Int64(strikes), 20)))
    }
}
