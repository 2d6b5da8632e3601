import PostOffice
import SenderTrust
import Threading

/// Makes signing keys on a thread of their own, which yields to others: RSA burns up to seconds of a core.
enum SigningKeyMaking {
    static let make: SigningKeys.Making = { algorithm in
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<DKIMKey, any Error>) in
            do throws(BlockingThread.Fault) {
                try BlockingThread.start("martlet-dkim", nice: 10) {
                    waiter.resume(with: Result { try DKIMKey.generate(algorithm) })
                }
            } catch {
                waiter.resume(throwing: SystemFault(error))
            }
        }
    }
}
