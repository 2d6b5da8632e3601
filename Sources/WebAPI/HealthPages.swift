package import Conversation

/// `/health/live`: the program answers. `/health/ready`, and `/health` (R38): it can do its work, or 503. For whoever asks: nothing in it is worth hiding.
package struct HealthPages: Sendable {
    private let readiness: Readiness

    package init(_ readiness: Readiness) { self.readiness = readiness }

    package var routes: [HTTPRoute] {
        [HealthPages.live] + ["/health/ready", "/health"].map { HTTPRoute("GET", $0, rate: .generous, .work { _, _ in await ready() }) }
    }

    package static let live = HTTPRoute("GET", "/health/live", rate: .generous, .now { _ in reply(200, "{\"status\":\"ok\"}\n") })

    private func ready() async -> HTTPReply {
        let outcomes = await readiness.outcomes()
        let isReady = outcomes.allSatisfy { $0 == .ok }
        let checks = zip(readiness.checks, outcomes).map { "\"\($0.name)\":\"\($1.rawValue)\"" }.joined(separator: ",")
        return HealthPages.reply(isReady ? 200 : 503, "{\"status\":\"\(isReady ? "ok" : "failing")\",\"checks\":{\(checks)}}\n")
    }

    private static func reply(_ status: Int, _ text: String) -> HTTPReply {
        HTTPReply(status, text: text, type: "application/json", ["Cache-Control": "no-store"])
    }
}
