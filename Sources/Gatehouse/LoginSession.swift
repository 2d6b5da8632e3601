package import MailModel
import Synchronization

/// A session's login, which the Gatehouse may revoke at any time.
package final class LoginSession: Sendable {
    package let principal: Principal
    private struct State {
        var active: ActiveSession?
        var isRevoked = false
    }
    private let state = Mutex(State())

    package init(_ principal: Principal) { self.principal = principal }

    package var isRevoked: Bool { state.withLock { $0.isRevoked } }

    /// The account was changed.
    package func revoke() { state.withLock { $0.isRevoked = true } }

    package func hold(_ session: ActiveSession) { state.withLock { $0.active = session } }

    /// The session is over. What was held of it may hold the connection that holds the session: this parts them.
    package func end() {
        let ended = state.withLock { state in
            defer { state.active = nil }
            return state.active
        }
        _ = ended
    }
}

extension Gatekeeper {
    /// Opens the login of somebody whom `verify` has admitted. `poke` is called, from any thread, when the login has been revoked.
    package func login(of principal: Principal, poke: @escaping @Sendable () -> Void) -> LoginSession {
        let login = LoginSession(principal)
        login.hold(
            admit(principal) { [weak login] in
                login?.revoke()
                poke()
            })
        return login
    }
}
