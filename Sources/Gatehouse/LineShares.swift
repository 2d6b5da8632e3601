/// How many log lines of a kind a peer gets in a time; what is beyond is counted, and the count is told when the time is over.
struct LineShares<Key: Hashable> {
    /// What was not written one by one.
    struct Rest: Equatable {
        /// Nil: of all those that there was no room to tell apart.
        let key: Key?
        /// Who last added to it.
        let peer: String
        let count: Int
        /// Since the first line of the window.
        let time: Duration
    }

    private struct Window {
        let began: ContinuousClock.Instant
        var written = 0
        var more = 0
        var peer: String
    }

    /// Lines of a key in a window.
    private let share: Int
    private let length: Duration
    /// Keys that are told apart; each about 200 octets.
    private let capacity: Int
    private var windows: [Key: Window] = [:]
    private var others: Window?
    private var swept: ContinuousClock.Instant?

    init(share: Int = 10, length: Duration = .seconds(60), capacity: Int = 4_096) {
        self.share = share
        self.length = length
        self.capacity = capacity
    }

    struct Entry {
        let isWritten: Bool
        /// What is to be told of first.
        let rests: [Rest]
    }

    mutating func enter(_ key: Key, from peer: String, at now: ContinuousClock.Instant) -> Entry {
        var rests: [Rest] = []
        // A flood of new keys sweeps once in a window, not each time.
        if windows[key] == nil, windows.count >= capacity, swept.map({ now - $0 >= length }) ?? true { rests = due(at: now) }
        let isCrowded = windows[key] == nil && windows.count >= capacity
        var window = (isCrowded ? others : windows[key]) ?? Window(began: now, peer: peer)
        if now - window.began >= length {
            rests += LineShares.rest(isCrowded ? nil : key, window, now)
            window = Window(began: now, peer: peer)
        }
        window.peer = peer
        let isWritten = window.written < share
        if isWritten { window.written += 1 } else { window.more += 1 }
        if isCrowded { others = window } else { windows[key] = window }
        return Entry(isWritten: isWritten, rests: rests)
    }

    /// What is to be told of windows that are over; those are forgotten.
    mutating func due(at now: ContinuousClock.Instant) -> [Rest] { close(at: now) { [length] in now - $0.began >= length } }

    /// What is to be told of all.
    mutating func all(at now: ContinuousClock.Instant) -> [Rest] { close(at: now) { _ in true } }

    var count: Int { windows.count }

    private mutating func close(at now: ContinuousClock.Instant, _ isOver: (Window) -> Bool) -> [Rest] {
        swept = now
        var rests: [Rest] = []
        for (key, window) in windows where isOver(window) {
            rests += LineShares.rest(key, window, now)
            windows[key] = nil
        }
        if let window = others, isOver(window) {
            rests += LineShares.rest(nil, window, now)
            others = nil
        }
        return rests
    }

    private static func rest(_ key: Key?, _ window: Window, _ now: ContinuousClock.Instant) -> [Rest] {
        window.more > 0 ? [Rest(key: key, peer: window.peer, count: window.more, time: now - window.began)] : []
    }
}
