package import MailModel
package import Storage

/// Which messages of a maildrop are marked as deleted (RFC 1939 §5 DELE): a bit a message, however they come.
package struct Marks: Sendable {
    private var words: [UInt64] = []
    package private(set) var count = 0
    /// Of the marked messages.
    package private(set) var octets: Int64 = 0

    package init() {}

    /// - parameter index: the message's number less one.
    package func contains(_ index: Int) -> Bool {
        let word = index >> 6
        return word < words.count && words[word] >> UInt64(index & 63) & 1 == 1
    }

    /// `row` is that of `index`, which is not marked yet.
    package mutating func mark(_ index: Int, _ row: MessageRow) {
        let word = index >> 6
        if word >= words.count { words += Array(repeating: 0, count: word + 1 - words.count) }
        words[word] |= 1 << UInt64(index & 63)
        count += 1
        octets += Int64(row.size)
    }

    /// Adds the UIDs of those that are marked among the messages of that range. O(the range).
    package func addUIDs(of range: Range<Int>, in rows: MailboxSnapshot, to uids: inout NumberSet) throws {
        try rows.forEach(in: range) { index, row in
            if contains(index) { uids.insert(row.uid) }
            return true
        }
    }
}
