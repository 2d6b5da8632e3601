import Crypto
import MailModel
import Synchronization

/// Which accounts have shown their password a short while ago, so that they need not be hashed again.
///
/// What is kept is a MAC under a key that lives and dies with the process, over account, stored hash, user name as typed, and password: it is worth nothing
/// to who reads it, it is void when the password changes, and it can be mixed up with nobody else's.
final class RecentProofs: Sendable {
    private struct Proof {
        let mark: [UInt8]
        let expiry: ContinuousClock.Instant
    }

    private let key: SymmetricKey
    private let lifetime: Duration
    private let capacity: Int
    private let proofs = Mutex<[AccountID: [Proof]]>([:])
    /// Spellings of one account's name at a time.
    private static let perAccount = 4

    init(lifetime: Duration, capacity: Int, random: RandomOctets) {
        key = SymmetricKey(data: random(32))
        self.lifetime = lifetime
        self.capacity = capacity
    }

    /// `account`: nil when there is none of that name; the mark is then nobody's, but costs the same.
    func mark(account: AccountID?, reference: String, user: String, password: Password) -> [UInt8] {
        var mac = HMAC<SHA256>(key: key)
        func add(_ octets: UnsafeRawBufferPointer) {
            withUnsafeBytes(of: UInt64(octets.count).littleEndian) { mac.update(data: $0) }
            mac.update(data: octets)
        }
        withUnsafeBytes(of: (account?.rawValue ?? 0).littleEndian) { add($0) }
        Array(reference.utf8).withUnsafeBytes { add($0) }
        Array(user.utf8).withUnsafeBytes { add($0) }
        password.withOctets { add($0) }
        return Array(mac.finalize())
    }

    func holds(_ mark: [UInt8], of account: AccountID, at now: ContinuousClock.Instant) -> Bool {
        proofs.withLock { proofs in
            var isFound = false
            for proof in proofs[account] ?? [] where proof.expiry > now && isEqualInConstantTime(proof.mark, mark) { isFound = true }
            return isFound
        }
    }

    func keep(_ mark: [UInt8], of account: AccountID, at now: ContinuousClock.Instant) {
        proofs.withLock { proofs in
            if proofs[account] == nil, proofs.count >= capacity {
                proofs = proofs.filter { $0.value.contains { $0.expiry > now } }
                // Still full: start anew rather than sweep at every login.
                if proofs.count > capacity / 10 * 9 { proofs.removeAll() }
            }
            var own = (proofs[account] ?? []).filter { $0.expiry > now && $0.mark != mark }
            if own.count >= RecentProofs.perAccount { own.removeFirst() }
            own.append(Proof(mark: mark, expiry: now.advanced(by: lifetime)))
            proofs[account] = own
        }
    }

    func forget(_ account: AccountID) {
        _ = proofs.withLock { $0.removeValue(forKey: account) }
    }

    var count: Int { proofs.withLock { $0.count } }
}
