package import Logging
package import MailModel
package import NIOCore
package import Storage

/// Where mail comes into the house: the last server on its way (final delivery, RFC 5321 §4.4).
///
/// - A message is taken for all its recipients or for none.
/// - When `finish` or `deliver` returns, it is durable in the INBOX of every recipient's account, once in each.
/// - What was not taken leaves nothing behind.
package struct Intake: Sendable {
    let store: any BodyStore & MailboxStore & QuotaStore
    let checks: [Check]
    let clock: Timestamp.Clock
    let log: Logger
    /// Of all messages whose header has not ended.
    let heldHeaders = LoanBudget(most: 16 << 20)

    package init(
        store: any BodyStore & MailboxStore & QuotaStore, checks: [Check] = Check.standard, clock: @escaping Timestamp.Clock, log: Logger
    ) {
        self.store = store
        self.checks = checks
        self.clock = clock
        self.log = log
    }

    /// Whether the account is under its quota: then it gets one more message, however big, as long as it still is when that is stored.
    package func hasRoom(_ account: AccountID) throws -> Bool {
        try store.limits(of: account).admits(Quota(storage: 1, message: 1), to: store.usage(of: account), whole: false)
    }

    /// Takes a message whose text is all there.
    package func deliver(_ envelope: Envelope, _ text: ByteBuffer) async throws(Refusal) -> Receipt {
        let incoming = open(envelope, expected: text.readableBytes)
        try await incoming.write(text)
        return try await incoming.finish()
    }

    /// Begins to take a message whose text comes in pieces.
    /// - parameter expected: octets, where the sender has said.
    package func open(_ envelope: Envelope, expected: Int?) -> Incoming {
        Incoming(envelope, expected: expected, self)
    }

    /// What a face is told of a fault: storage's own words are for the log.
    func refusal(for error: any Error, _ id: TransactionID) -> Refusal {
        if let refusal = error as? Refusal { return refusal }
        if error as? StorageFault == .overQuota {
            log.notice("Message not stored: over quota", metadata: ["id": "\(id)"])
            return .overQuota
        }
        log.error("Message not stored: \(error)", metadata: ["id": "\(id)"])
        return error as? StorageFault == .full ? .full : .unavailable
    }
}
