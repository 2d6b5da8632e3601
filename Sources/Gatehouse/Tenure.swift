package import MailModel
import Synchronization

/// A logged-in session's right to go on, which the Gatehouse may end at any time.
package final class Tenure: Sendable {
    package let principal: Principal
    private struct State {
        var stay: Stay?
        var isRevoked = false
    }
    private let state = Mutex(State())

    package init(_ principal: Principal) { self.principal = principal }

    package var isRevoked: Bool { state.withLock { $0.isRevoked } }

    /// The account was changed.
    package func revoke() { state.withLock { $0.isRevoked = true } }

    package func hold(_ stay: Stay) { state.withLock { $0.stay = stay } }

    /// The session is over. The stay may hold the connection that holds the session: this parts them.
    package func end() {
        let stay = state.withLock { state in
            defer { state.stay = nil }
            return state.stay
        }
        _ = stay
    }
}

extension Gatekeeper {
    /// Lets a session of somebody `verify` has admitted stay. `poke` is called, from any thread, when the tenure has been revoked.
    package func tenure(of principal: Principal, poke: @escaping @Sendable () -> Void) -> Tenure {
        let tenure = Tenure(principal)
        tenure.hold(
            admit(principal) { [weak tenure] in
                tenure?.revoke()
                poke()
            })
        return tenure
    }
}
