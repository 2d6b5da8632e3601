import MailModel
import Storage

/// Messages whose rows were removed in one step, with their bodies: in order of UID.
struct DepartedMessages {
    private(set) var messages: [(uid: UInt32, body: Int64)] = []

    mutating func append(uid: UInt32, body: Int64) { messages.append((uid, body)) }
}

// Two numbers of variable length a message: the gap from the UID before, and the difference from the body before, its sign in the lowest bit. Bodies that
// came one after the other take three octets a message, or fewer.
extension DepartedMessages {
    var packed: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(messages.count * 3)
        var (uid, body): (UInt32, Int64) = (0, 0)
        for message in messages {
            NumberSet.pack(message.uid &- uid, into: &out)
            let step = message.body &- body
            DepartedMessages.pack(UInt64(bitPattern: step << 1 ^ step >> 63), into: &out)
            (uid, body) = message
        }
        return out
    }

    init?(packed bytes: [UInt8]) {
        var (uid, body): (UInt32, Int64) = (0, 0)
        var index = 0
        while index < bytes.count {
            guard let gap = NumberSet.unpack(bytes, &index), let step = DepartedMessages.unpack(bytes, &index) else { return nil }
            let (next, over) = uid.addingReportingOverflow(gap)
            guard gap > 0, !over else { return nil }
            uid = next
            body &+= Int64(bitPattern: step >> 1) ^ -Int64(bitPattern: step & 1)
            messages.append((uid, body))
        }
    }

    private static func pack(_ number: UInt64, into out: inout [UInt8]) {
        var number = number
        while number >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: number) | 0x80)
            number >>= 7
        }
        out.append(UInt8(number))
    }

    /// Nil when the number does not end, or is too large.
    private static func unpack(_ bytes: [UInt8], _ index: inout Int) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while index < bytes.count, shift < 64 {
            let byte = bytes[index]
            index += 1
            guard shift < 63 || byte <= 1 else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        return nil
    }
}
