package import Metrics

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

/// Whose logins fail most of late.
package struct WorstFailures: Equatable, Sendable {
    /// As log lines write them.
    package let users: [TopList.Entry]
    package let peers: [TopList.Entry]
    /// Who was told to try later.
    package let busyPeers: [TopList.Entry]
    /// Failures of the address that had most in the last minute, about.
    package let mostInMinute: Int
}

/// The ledger of logins; every answer of the Gatekeeper is entered.
package struct LoginLedger: Equatable, Sendable {
    package private(set) var protocols: [ProtocolName: LoginCounts] = [:]
    package private(set) var failuresByUser = TopList(window: .seconds(3_600))
    package private(set) var failuresByPeer = TopList(window: .seconds(3_600))
    package private(set) var failuresThisMinute = TopList(window: .seconds(60))
    /// Who was told to try later.
    package private(set) var busyByPeer = TopList(window: .seconds(3_600))

    mutating func enter(
        _ verdict: Verdict, user: String, peer: String, over protocolName: ProtocolName, time: Duration, waited: Int, at now: ContinuousClock.Instant
    ) {
        var counts = protocols[protocolName] ?? LoginCounts()
        counts.time += time
        switch verdict {
        case .admitted:
            counts.admitted += 1
            counts.mostTurnsWaited = max(counts.mostTurnsWaited, waited)
        case .busy:
            counts.busy += 1
            busyByPeer.add(peer, at: now)
        case .refused:
            counts.refused += 1
            failuresByUser.add(user, at: now)
            failuresByPeer.add(peer, at: now)
            failuresThisMinute.add(peer, at: now)
        }
        protocols[protocolName] = counts
    }
}
