import Synchronization

/// HTTP-01 (RFC 8555 §8.3): what the server of port 80 answers with.
package final class HTTPChallenges: ChallengeResponder {
    /// Where CAs look, in front of the token.
    package static let path = "/.well-known/acme-challenge/"
    /// Of the answer.
    package static let mediaType = "application/octet-stream"

    private let placed = Mutex<[String: String]>([:])

    package init() {}

    package var kind: ChallengeKind { .http01 }

    /// The content of a 200, whatever the request's host; nil: there is nothing there (404).
    /// - parameter path: of the request, without a query.
    package func content(of path: some StringProtocol) -> String? {
        guard path.hasPrefix(HTTPChallenges.path) else { return nil }
        let token = String(path.dropFirst(HTTPChallenges.path.count))
        return placed.withLock { $0[token] }
    }

    package func place(_ response: ChallengeResponse) { placed.withLock { $0[response.token] = response.keyAuthorization } }
    package func withdraw(_ response: ChallengeResponse) { placed.withLock { $0[response.token] = nil } }
}
