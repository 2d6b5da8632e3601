package import MailModel

/// What is kept of a message beside its narrow row, for those who ask.
package struct MessageParticulars: Hashable, Sendable {
    package let uid: UID
    /// The conversation that it joined when it came (RFC 8474 §5.2); copies stay in it.
    package let thread: ThreadID
    /// When it came into this mailbox, in whatever way (RFC 8514 §1).
    package let saveDate: Timestamp

    package init(uid: UID, thread: ThreadID, saveDate: Timestamp) {
        self.uid = uid
        self.thread = thread
        self.saveDate = saveDate
    }
}
