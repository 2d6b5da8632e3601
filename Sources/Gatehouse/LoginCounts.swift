import Synchronization

/// What became of logins since the program started (S85-S87).
package struct LoginCounts: Equatable, Sendable {
    package var admitted = 0
    package var refused = 0
    package var busy = 0
    /// Of all three together.
    package var time = Duration.zero
    /// The most hashes of others that one who was admitted waited for.
    package var mostTurnsWaited = 0

    /// Nil before the first login.
    package var successRate: Double? {
        let answered = admitted + refused
        return answered > 0 ? Double(admitted) / Double(answered) : nil
    }

    package var averageTime: Duration? {
        let all = admitted + refused + busy
        return all > 0 ? time / all : nil
    }
}

/// Failures by user or by address: the ones that fail most are kept when there are too many.
package struct FailureCounts: Equatable, Sendable {
    package private(set) var counts: [String: Int] = [:]
    package static let capacity = 4_096

    package init() {}

    mutating func add(_ name: String) {
        if counts[name] == nil, counts.count >= FailureCounts.capacity {
            // Half of them go at once, so that a flood of new names costs O(1) a name on average.
            let kept = counts.sorted { $0.value > $1.value }.prefix(FailureCounts.capacity / 2)
            counts = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
        }
        counts[name, default: 0] += 1
    }
}

/// The ledger of logins; every answer of the Gatekeeper is entered.
package struct LoginLedger: Equatable, Sendable {
    package private(set) var protocols: [ProtocolName: LoginCounts] = [:]
    package private(set) var failuresByUser = FailureCounts()
    package private(set) var failuresByPeer = FailureCounts()
    /// Who was told to try later.
    package private(set) var busyByPeer = FailureCounts()

    mutating func enter(
        _ verdict: Verdict, user: String, peer: String, over protocolName: ProtocolName, time: Duration, waited: Int
    ) {
        var counts = protocols[protocolName] ?? LoginCounts()
        counts.time += time
        switch verdict {
        case .admitted:
            counts.admitted += 1
            counts.mostTurnsWaited = max(counts.mostTurnsWaited, waited)
        case .busy:
            counts.busy += 1
            busyByPeer.add(peer)
        case .refused:
            counts.refused += 1
            failuresByUser.add(user)
            failuresByPeer.add(peer)
        }
        protocols[protocolName] = counts
    }
}
