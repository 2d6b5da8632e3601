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
        package private(set) var count = 0
        /// What stands behind the colon of the first one, with its folding; not complete where it `isCut`.
        package private(set) var value = ByteBuffer()
        package private(set) var isCut = false

        /// Octets of a value that are kept: some hundred addresses.
        private static let most = 16 << 10

        /// Counts the field.
        fileprivate mutating func isFirst() -> Bool {
            count += 1
            return count == 1
        }

        fileprivate mutating func read(_ octets: UnsafeRawBufferPointer) {
            let room = Author.most - value.readableBytes
            if octets.count > room { isCut = true }
            value.writeBytes(octets.prefix(room))
        }
    }

    private enum Reading {
        case nothing, from, sender
    }

    /// The field whose value is being read.
    private var reading = Reading.nothing

    package init() {}

    /// A field of that name begins.
    mutating func begin(_ name: ArraySlice<UInt8>) {
        reading = .nothing
        if HeaderSurvey.isField(name, "received") { hops += 1 }
        if HeaderSurvey.isField(name, "date") { hasDate = true }
        if HeaderSurvey.isField(name, "message-id") { hasMessageID = true }
        if HeaderSurvey.isField(name, "from"), from.isFirst() { reading = .from }
        if HeaderSurvey.isField(name, "sender"), sender.isFirst() { reading = .sender }
    }

    /// More of the field's value.
    mutating func read(_ octets: UnsafeRawBufferPointer) {
        switch reading {
        case .nothing: break
        case .from: from.read(octets)
        case .sender: sender.read(octets)
        }
    }

    /// `name` in lower case.
    static func isField(_ octets: ArraySlice<UInt8>, _ name: StaticString) -> Bool {
        guard octets.count == name.utf8CodeUnitCount else { return false }
        return name.withUTF8Buffer { name in zip(octets, name).allSatisfy { ($0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0) == $1 } }
    }
}
