import MessageFormat
package import NIOCore
package import Storage

/// Works out of a body, as it comes, what lists need of it.
package protocol Digester: Sendable {
    /// The next octets that are kept.
    mutating func take(_ octets: ByteBuffer)
    /// They are all there. Called once.
    mutating func finish() -> BodyDigest
}

/// A message's outline.
package struct MessageDigester: Digester {
    private var scanner = MessageScanner()

    package init() {}

    package mutating func take(_ octets: ByteBuffer) { scanner.consume(octets) }
    package mutating func finish() -> BodyDigest { .message(scanner.finish()) }
}
