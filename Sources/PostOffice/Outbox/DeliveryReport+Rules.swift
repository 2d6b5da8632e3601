package import Storage

extension DeliveryReport {
    /// What has happened to a recipient.
    package enum Outcome: Hashable, Sendable {
        case failed
        /// It is tried for hours already.
        case delayed
        case delivered
        /// Another server has it. `servesDSN`: that tells the sender what becomes of it, for it was asked to in RCPT (RFC 3461 §5.2.1).
        case passedOn(servesDSN: Bool)
        /// It went on to several, in the recipient's place.
        case expanded
    }

    /// What the sender is told of it; nil: nothing.
    ///
    /// - Nobody is told of a message without a reverse path, nor of a recipient with NOTIFY=NEVER (RFC 3461 §4.1, RFC 5321 §4.5.5).
    /// - Without NOTIFY, failures and delays are told (§4.1); delays of what a program wrote are not, for no human waits for it.
    /// - Success is told to who asked (§5.2.2, §5.2.3, §5.2.7).
    package static func action(for outcome: Outcome, of recipient: QueuedRecipient, in draft: QueueDraft) -> Action? {
        let notify = recipient.notify
        guard draft.reversePath != .null, !notify.contains(.never) else { return nil }
        switch outcome {
        case .failed: return notify.isEmpty || notify.contains(.failure) ? .failed : nil
        case .delayed: return notify.contains(.delay) || (notify.isEmpty && !draft.traits.contains(.isAutomatic)) ? .delayed : nil
        case .delivered: return notify.contains(.success) ? .delivered : nil
        case .passedOn(let servesDSN): return notify.contains(.success) && !servesDSN ? .relayed : nil
        case .expanded: return notify.contains(.success) ? .expanded : nil
        }
    }
}
