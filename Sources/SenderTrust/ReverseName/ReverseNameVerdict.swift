package import MailModel

/// Whether a client's address has a name that has the address (iprev, RFC 8601 §3).
package struct ReverseNameVerdict: Hashable, Sendable {
    /// As `Authentication-Results` writes it (RFC 8601 §2.7.3).
    package enum Result: String, Hashable, Sendable, CaseIterable {
        case pass
        /// Its names do not have the address.
        case fail
        /// DNS could not be asked.
        case temperror
        /// It has no name.
        case permerror
    }

    package let result: Result
    package let address: IPAddress
    /// That has the address; without it the first of its names. Nil where there is none that a host can have.
    package let name: Domain?

    package init(_ result: Result, address: IPAddress, name: Domain? = nil) {
        self.result = result
        self.address = address
        self.name = name
    }
}
