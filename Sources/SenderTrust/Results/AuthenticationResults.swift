/// What a server says that it has found out about a message's origin (RFC 8601 §2.2).
package struct AuthenticationResults: Hashable, Sendable {
    /// `type.name=value`.
    package struct Property: Hashable, Sendable {
        /// In lower case: `smtp`, `header`, `body`, `policy`.
        package let type: String
        /// In lower case.
        package let name: String
        /// Without quotes.
        package let value: String

        package init(type: String, name: String, value: String) {
            self.type = type
            self.name = name
            self.value = value
        }
    }

    /// `method=result` and what is said of it.
    package struct Finding: Hashable, Sendable {
        /// In lower case: `spf`, `dkim`, `dmarc`.
        package let method: String
        /// In lower case: `pass`.
        package let result: String
        package var reason: String?
        /// In their order.
        package var properties: [Property]

        package init(method: String, result: String, reason: String? = nil, properties: [Property] = []) {
            self.method = method
            self.result = result
            self.reason = reason
            self.properties = properties
        }

        /// The first value of `type.name`, both in lower case.
        package func value(_ type: String, _ name: String) -> String? { properties.first { $0.type == type && $0.name == name }?.value }
    }

    /// Who says it: authserv-id, as it was written.
    package let server: String
    /// In their order; empty: `none`.
    package let findings: [Finding]

    package init(server: String, findings: [Finding]) {
        self.server = server
        self.findings = findings
    }
}
