import MailModel
import Storage

extension MailReception {
    /// What a trace tells of a message that was taken: how it came, what was said of it, and where it is.
    /// - parameter recipients: with where it went for them.
    func events(_ receipt: Intake.Receipt, _ recipients: [Intake.Recipient], messageID: String?, at date: Timestamp) -> [TraceEvent] {
        let id = envelope.id
        // What is called as entries of the queue are is found by its transaction alone.
        let name = messageID.flatMap { TraceEvent.isName(ofEntry: $0) ? nil : $0 }
        var events = [TraceEvent(.received, of: id, at: date, name: name, arrival(receipt))]
        events += judgements.map { TraceEvent(.judged, of: id, at: date, ["field": $0.name, "verdict": $0.value]) }
        let placed = Dictionary(receipt.placed.map { ($0.mailbox, $0) }) { first, _ in first }
        for recipient in recipients {
            for case .mailbox(let mailbox, _) in recipient.destinations {
                guard let place = placed[mailbox] else { continue }
                events.append(
                    TraceEvent(
                        .filed, of: id, at: date,
                        ["recipient": recipient.address.bare, "mailbox": "\(mailbox.rawValue)", "uid": "\(place.uid.rawValue)"]))
            }
        }
        let onward = recipients.flatMap { $0.destinations.compactMap(\.onward) }
        for entry in receipt.queued {
            var fields = ["queue": "\(entry.rawValue)", "recipient": onward.joined(separator: " ")]
            fields["until"] = envelope.notBefore?.description
            events.append(TraceEvent(.queued, of: id, at: date, name: TraceEvent.name(of: entry), fields))
        }
        return events
    }

    private func arrival(_ receipt: Intake.Receipt) -> [String: String] {
        let address = envelope.reversePath.address?.written
        var fields = ["sender": address ?? "<>", "size": "\(receipt.size)", "recipients": "\(envelope.recipients.count)"]
        guard let client = envelope.client else { return fields }
        fields["address"] = client.address
        fields["host"] = client.name
        fields["tls"] = client.tlsVersion ?? "none"
        fields["user"] = client.user?.name.description ?? client.localUser.map { "userid \($0)" }
        return fields
    }
}
