import Conversation
import MailModel
import PostOffice

/// What a domain says of how it is sent to: as a policy's file, as one text of DNS, as several, and as a record's octets. Traps when a policy does not read what
/// it writes, or holds more than it may.
package func fuzzStrictTransport(_ bytes: UnsafeRawBufferPointer) {
    if let policy = StrictTransportPolicy(Array(bytes)) {
        precondition(StrictTransportPolicy(policy.lines.joined(separator: "\n").utf8) == policy, "it does not read what it writes")
        precondition((0...31_557_600).contains(policy.maxAge) && policy.exchangers.count <= StrictTransportPolicy.mostExchangers, "a bound that does not hold")
        precondition(policy.mode == .none || !policy.exchangers.isEmpty, "nobody may take the mail")
        for line in policy.lines { precondition(line.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "a line that cannot be shown") }
        for pattern in policy.exchangers {
            let written = pattern.description
            let host = written.hasPrefix("*.") ? "mx" + written.dropFirst() : written
            if let host = Domain(host) { precondition(pattern.covers(host), "a pattern that does not cover what it names") }
        }
    }
    let text = String(decoding: bytes, as: UTF8.self)
    for texts in [[text], text.split(separator: "\n").map { String($0) }, RecordData.text(Array(bytes)).map { [$0] } ?? []] {
        guard let record = StrictTransportRecord(texts) else { continue }
        precondition((1...32).contains(record.id.utf8.count), "an id of another length")
    }
}
