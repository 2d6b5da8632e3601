import Synchronization

/// Whether the Gatehouse has ended a login; set from any thread.
package final class Revocation: Sendable {
    private let flag = Atomic(false)

    package init() {}

    var isRevoked: Bool { flag.load(ordering: .acquiring) }
    func revoke() { flag.store(true, ordering: .releasing) }
}
