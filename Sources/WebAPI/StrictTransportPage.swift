package import Conversation
package import PostOffice

/// What our domains want of those that send to them (RFC 8461 §3.2, §3.3): `/.well-known/mta-sts.txt` of `mta-sts.DOMAIN`.
package struct StrictTransportPage: Sendable {
    private let policy: StrictTransportPolicy
    private let names: OwnNames

    package init(_ policy: StrictTransportPolicy, _ names: OwnNames) {
        self.policy = policy
        self.names = names
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute(
                "GET", "/.well-known/mta-sts.txt",
                .work { request, _ in
                    guard try await names.domain(of: request.host, behind: .strictTransport) != nil else { return .refusal(404) }
                    return HTTPReply(200, text: policy.lines.map { $0 + "\r\n" }.joined(), type: "text/plain")
                })
        ]
    }
}
