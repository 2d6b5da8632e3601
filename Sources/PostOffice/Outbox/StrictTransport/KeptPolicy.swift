import MailModel

/// A policy as it is kept: when it was fetched counts its age, and under which id it was announced tells whether it is still the same.
struct KeptPolicy: Hashable, Sendable {
    let id: String
    let fetched: Timestamp
    let policy: StrictTransportPolicy

    init(id: String, fetched: Timestamp, policy: StrictTransportPolicy) {
        self.id = id
        self.fetched = fetched
        self.policy = policy
    }

    func holds(_ now: Timestamp) -> Bool { now.rawValue < fetched.rawValue + policy.maxAge }

    /// Half of its life is over: it is fetched again, so that who can keep us from that has to do so for long.
    func isOld(_ now: Timestamp) -> Bool { now.rawValue >= fetched.rawValue + policy.maxAge / 2 }

    /// The policy's own lines, behind two of ours.
    var octets: [UInt8] { Array((["id: \(id)", "fetched: \(fetched.rawValue)"] + policy.lines).joined(separator: "\n").utf8) }

    /// Nil for what `octets` has not made.
    init?(_ octets: [UInt8]) {
        let lines = octets.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        guard lines.count == 3, let id = KeptPolicy.value("id", lines[0]), let fetched = KeptPolicy.value("fetched", lines[1]).flatMap({ Int64($0) }),
            (0...1 << 40).contains(fetched), let policy = StrictTransportPolicy(lines[2])
        else { return nil }
        self.init(id: id, fetched: Timestamp(rawValue: fetched), policy: policy)
    }

    private static func value(_ name: String, _ line: ArraySlice<UInt8>) -> String? {
        let text = String(decoding: line, as: UTF8.self)
        return text.hasPrefix(name + ": ") ? String(text.dropFirst(name.count + 2)) : nil
    }
}
