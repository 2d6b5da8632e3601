import Glibc
package import NIOCore

/// What Intake has to know of a message's header before the message goes on: read line by line as it comes, in constant memory.
package struct HeaderSurvey: Sendable {
    /// `Received` fields: the servers it has been through.
    package private(set) var hops = 0
    package private(set) var hasDate = false
    package private(set) var hasMessageID = false
    /// The empty line, or the end of the message, was seen.
    package private(set) var isComplete = false

    /// RFC 5321 §6.3: "at least 100".
    package static let mostHops = 100

    /// The start of the current line, as far as a field name of ours may reach.
    private var head: [UInt8] = []
    private static let headLength = 16

    package init() {}

    /// The next octets of the message.
    package mutating func consume(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { octets in
            var start = 0
            while !isComplete, start < octets.count {
                let feed = HeaderSurvey.feed(octets, from: start)
                let end = min(feed ?? octets.count, start + HeaderSurvey.headLength - head.count)
                if end > start { head.append(contentsOf: octets[start..<end]) }
                guard let feed else { return }
                endLine()
                start = feed + 1
            }
        }
    }

    /// The message is at its end.
    package mutating func finish() {
        if !isComplete { endLine() }
        isComplete = true
    }

    // field = field-name ":" …;  obs-field = field-name *WSP ":"          (RFC 5322 §2.2, §4.5)
    private mutating func endLine() {
        defer { head.removeAll(keepingCapacity: true) }
        guard let first = head.first, first != 0x0D || head.count > 1 else {
            isComplete = true
            return
        }
        switch first | 0x20 {
        case UInt8(ascii: "r"): if isField("received") { hops += 1 }
        case UInt8(ascii: "d"): if isField("date") { hasDate = true }
        case UInt8(ascii: "m"): if isField("message-id") { hasMessageID = true }
        default: break
        }
    }

    private func isField(_ name: StaticString) -> Bool {
        let count = name.utf8CodeUnitCount
        guard head.count > count else { return false }
        return name.withUTF8Buffer { name in
            for index in 0..<count where lowercased(head[index]) != name[index] { return false }
            return head[count...].first { $0 != 0x20 && $0 != 0x09 } == UInt8(ascii: ":")
        }
    }

    private func lowercased(_ octet: UInt8) -> UInt8 { octet >= 0x41 && octet <= 0x5A ? octet | 0x20 : octet }

    private static func feed(_ octets: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard let origin = octets.baseAddress, let found = memchr(origin + start, 0x0A, octets.count - start) else { return nil }
        return UnsafeRawPointer(found) - origin
    }
}
