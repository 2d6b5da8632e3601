package import Conversation
package import MailModel

/// What is counted and measured, in the text format of Prometheus, for those networks alone.
package struct MetricsPage: Sendable {
    private let networks: NetworkList
    private let text: @Sendable () async throws -> String

    package init(networks: NetworkList = .loopback, _ text: @escaping @Sendable () async throws -> String) {
        self.networks = networks
        self.text = text
    }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute(
                "GET", "/metrics", admission: .networks(networks), rate: .generous,
                .work { _, _ in
                    HTTPReply(200, text: try await text(), type: "text/plain; version=0.0.4; charset=utf-8", ["Cache-Control": "no-store"])
                })
        ]
    }
}
