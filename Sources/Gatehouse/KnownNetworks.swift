import MailModel
import Synchronization

/// From which networks each account has logged in lately: while many wait for the hashing thread, who comes back has precedence over strangers.
/// It is kept in memory alone, and empty after a start.
final class KnownNetworks: Sendable {
    private struct Visit {
        let network: PeerPlace
        let expiry: ContinuousClock.Instant
    }

    private let visits = Mutex<[AccountID: [Visit]]>([:])
    /// Accounts, about 300 octets each.
    private let capacity: Int
    private static let perAccount = 8
    private static let lifetime = Duration.seconds(30 * 86_400)

    init(capacity: Int) { self.capacity = capacity }

    func knows(_ network: PeerPlace, of account: AccountID, at now: ContinuousClock.Instant) -> Bool {
        visits.withLock { $0[account]?.contains { $0.network == network && $0.expiry > now } ?? false }
    }

    /// The account has logged in from there.
    func saw(_ network: PeerPlace, of account: AccountID, at now: ContinuousClock.Instant) {
        visits.withLock { visits in
            if visits[account] == nil, visits.count >= capacity {
                visits = visits.filter { $0.value.contains { $0.expiry > now } }
                // Still full: half of them go at once rather than one at every login.
                if visits.count > capacity / 10 * 9 {
                    visits = Dictionary(uniqueKeysWithValues: visits.dropFirst(visits.count / 2).map { ($0.key, $0.value) })
                }
            }
            var own = (visits[account] ?? []).filter { $0.expiry > now && $0.network != network }
            if own.count >= KnownNetworks.perAccount { own.removeFirst() }
            own.append(Visit(network: network, expiry: now.advanced(by: KnownNetworks.lifetime)))
            visits[account] = own
        }
    }

    var count: Int { visits.withLock { $0.count } }
}
