package import NIOCore

/// What Intake has to know of a message's header before the message goes on, in bounded memory.
package struct HeaderSurvey: Sendable {
    /// `Received` fields: the servers it has been through.
    package private(set) var hops = 0
    package private(set) var hasDate = false
    package private(set) var hasMessageID = false
    package private(set) var from = Author()
    package private(set) var sender = Author()
    /// The end of the header, or of the message, was seen.
    package internal(set) var isComplete = false

    /// RFC 5321 §6.3: "at least 100".
    package static let mostHops = 100

    /// A field that says who wrote or sent the message (RFC 5322 §3.6.2).
    package struct Author: Sendable {
        /// How often the field comes.
        package var count = 0
        /// What stands behind the colon of the first one, with its folding; not complete where it `isCut`.
        package var value = ByteBuffer()
        package var isCut = false

        /// Octets of a value that are kept: some hundred addresses.
        static let most = 16 << 10
    }

    /// The field whose value is being read.
    private var current: (WritableKeyPath<HeaderSurvey, Author> & Sendable)?

    package init() {}

    /// A field of that name begins.
    mutating func begin(_ name: ArraySlice<UInt8>) {
        current = nil
        if HeaderSurvey.isField(name, "received") { hops += 1 }
        if HeaderSurvey.isField(name, "date") { hasDate = true }
        if HeaderSurvey.isField(name, "message-id") { hasMessageID = true }
        if HeaderSurvey.isField(name, "from") { note(\.from) }
        if HeaderSurvey.isField(name, "sender") { note(\.sender) }
    }

    private mutating func note(_ field: WritableKeyPath<HeaderSurvey, Author> & Sendable) {
        self[keyPath: field].count += 1
        current = self[keyPath: field].count == 1 ? field : nil
    }

    /// More of the field's value.
    mutating func read(_ octets: UnsafeRawBufferPointer) {
        guard let current else { return }
        let room = Author.most - self[keyPath: current].value.readableBytes
        if octets.count > room { self[keyPath: current].isCut = true }
        self[keyPath: current].value.writeBytes(octets.prefix(room))
    }

    /// `name` in lower case.
    static func isField(_ octets: ArraySlice<UInt8>, _ name: StaticString) -> Bool {
        guard octets.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { name in zip(octets, name).allSatisfy { ($0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0) == $1 } }
    }
}
