import MailModel
import Storage

// Mail for addresses that take reports: an entry of its own for each, with one recipient.
extension Outbox {
    /// The entry is for such an address, and nobody else.
    func isReport(_ entry: QueueEntry, _ destinations: Set<Destination>) -> Bool {
        guard entry.draft.recipients.count == 1, destinations.count == 1, case .reports? = destinations.first else { return false }
        return true
    }

    /// What it says is kept before the entry ends: a crash between reads it again, and then it is known.
    func read(_ job: DeliverySchedule.JobID, _ entry: QueueEntry) async {
        guard let reports = around.reports else { return await drop(job, entry, "reports are not read here") }
        do {
            switch try await reports.read(entry) {
            case .read: await settle(job, entry.id, [0: Outcome(verdict: .delivered(isTold: true), status: .success(1, 5))])
            case .dropped(let reason): await drop(job, entry, reason)
            }
        } catch {
            around.log.error("A report was not read: \(error)", metadata: ["queue": "\(entry.id)"])
            await settle(job, entry.id, [0: Outcome(putOff: error)])
        }
    }

    private func drop(_ job: DeliverySchedule.JobID, _ entry: QueueEntry, _ reason: String) async {
        around.log.notice("Mail for an address that takes reports was dropped: \(reason)", metadata: ["queue": "\(entry.id)"])
        await end(entry, job, reason: "no report: \(reason)") { $0.phase = .cancelled }
    }
}
