import MailModel

/// The queue as people read it.
enum QueueTable {
    static let title = columns("ID", "AGE", "SIZE", "STATE", "NEXT", "SENDER", "RECIPIENTS")

    static func row(_ line: QueueLine) -> String {
        let more = line.recipientCount - 1
        let first = line.recipients.first
        var text = columns(
            line.id, duration(line.age), octets(line.size), line.state, line.nextTryIn.map { $0 == 0 ? "now" : duration($0) } ?? "-", clean(line.sender),
            clean(first?.address ?? "-") + (more > 0 ? " and \(more) more" : ""))
        if let said = line.hold ?? line.recipients.lazy.compactMap(\.reply).first { text += "\n    " + clean(said) }
        return text
    }

    static func page(_ line: QueueLine) -> String {
        var rows = [
            "message \(line.id), called \(line.transaction)", "from \(clean(line.sender)), \(line.size) octets, queued \(line.arrived)",
            "state: \(line.state)" + (line.hold.map { " (\($0))" } ?? ""),
        ]
        for recipient in line.recipients {
            rows.append(
                "to \(clean(recipient.address)): \(recipient.phase), \(recipient.attempts) tr\(recipient.attempts == 1 ? "y" : "ies")"
                    + (recipient.nextTry.map { ", next at \($0)" } ?? ""))
            guard let at = recipient.lastTry else { continue }
            let place = recipient.host.map { " at \(clean($0))" + (recipient.peer.map { " [\(clean($0))]" } ?? "") } ?? ""
            rows.append("    \(at)\(place): \(clean(recipient.reply ?? "no answer"))")
        }
        let hidden = line.recipientCount - line.recipients.count
        if hidden > 0 { rows.append("and \(hidden) more") }
        return rows.joined(separator: "\n")
    }

    static func count(_ count: Int) -> String { "\(count) message\(count == 1 ? "" : "s")" }

    /// The largest whole unit: `59s`, `4h`, `3d`.
    static func duration(_ seconds: Int64) -> String {
        for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] as [(String, Int64)] where seconds >= length { return "\(seconds / length)\(unit)" }
        return "\(seconds)s"
    }

    static func octets(_ count: Int) -> String {
        for (unit, size) in [("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)] where count >= size { return "\(count / size)\(unit)" }
        return "\(count)"
    }

    /// What strangers wrote does nothing to the terminal.
    private static func clean(_ text: String) -> String { RemoteReply.cleaned(text) }

    private static func columns(_ id: String, _ age: String, _ size: String, _ state: String, _ next: String, _ sender: String, _ rest: String) -> String {
        func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
        return [padded(id, 12), padded(age, 4), padded(size, 5), padded(state, 9), padded(next, 4), padded(sender, 24), rest].joined(separator: " ")
    }
}
