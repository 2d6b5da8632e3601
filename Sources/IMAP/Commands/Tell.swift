import Conversation
import MailModel
import NIOCore
import Storage

// Many news of the selected mailbox (RFC 9051 §7.5; RFC 7162 §3.2.10): no more of them is in words than the connection takes.
extension CommandExecution {
    mutating func tell(_ updates: MailboxUpdates) async throws {
        let view = updates.view
        output.writeImmutableBuffer(updates.opening)
        if dialect.tellsVanished {
            output.writeVanished(updates.vanished)
        } else {
            for range in updates.expunged.ranges.reversed() {
                for number in range.reversed() {
                    output.writeExpunge(number)
                    try await flushIfFull()
                }
            }
        }
        output.writeArrival(updates.exists, updates.hasNewKeywords, view, dialect)
        let places = try await withRows(of: view) {
            let places = try view.places(ofUIDs: updates.changed)
            try view.rows.require(places)
            return places
        }
        for range in places {
            var next = range.lowerBound
            while next < range.upperBound {
                try view.rows.forEach(in: next..<range.upperBound) { index, row in
                    next = index + 1
                    output.writeChanged(index + 1, row, try view.rows.further(of: row), view, dialect)
                    return output.readableBytes < CommandExecution.flushSize
                }
                try await flushIfFull()
            }
        }
        output.writeImmutableBuffer(updates.closing)
    }
}
