/// One of the things without which the server does not do its work.
package struct HealthCheck: Sendable {
    /// Letters and hyphens: everybody may read it.
    package let name: String
    /// Throws why it is not so; the log alone is told.
    let look: @Sendable () async throws -> Void

    package init(_ name: String, _ look: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.look = look
    }

    package enum Outcome: String, Hashable, Sendable {
        case ok
        case failing
        /// It has not ended in time.
        case late
    }
}
