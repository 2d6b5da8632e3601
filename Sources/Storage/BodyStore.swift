package import MailModel
package import MessageFormat
package import NIOCore

/// A body on its way in. One owner at a time; not yet a promise to anybody.
package protocol BodySink: AnyObject, Sendable {
    /// The next bytes, kept as they are. Waits while too much is on its way to the disk. `full`, `unavailable`.
    func write(_ bytes: ByteBuffer) async throws
    /// No more bytes. `outline` must be that of exactly the bytes written.
    func finish(_ outline: MessageOutline) async throws -> StagedBody
    /// Lets go of what was written. Also what deinit does when neither was called.
    func discard()
}

/// A whole body that `MailboxStore.place` can make durable. Dropped unplaced, it leaves nothing behind.
package final class StagedBody: Sendable {
    package let id: BodyID
    package let outline: MessageOutline
    /// The store's own.
    package let payload: any Sendable

    package init(id: BodyID, outline: MessageOutline, payload: any Sendable) {
        self.id = id
        self.outline = outline
        self.payload = payload
    }
}

/// Message bodies: written once, read in parts. A body can be read by the accounts that hold a message with it, or a snapshot with such a message;
/// and, until the store has tidied up, for a short while after.
package protocol BodyStore: Sendable {
    /// `expected`: octets, when the sender announced them. `full` under the free floor.
    func receive(expected: Int?) async throws -> any BodySink

    /// The outlines of those bodies in the same order, in batches from the disk or from memory. `noSuchMessage` when one is not there, `corrupt`.
    func outlines(of bodies: [BodyID], for account: AccountID) async throws -> [MessageOutline]

    /// As `outlines`, still encoded, for who shows many of them: answered at once where they were asked for lately. Each is opened, but not looked into:
    /// reading one may find it corrupt.
    func encodedOutlines(of bodies: [BodyID], for account: AccountID) async throws -> [EncodedOutline]

    /// Octets `range` of a body, clamped to its size; nil: all of it. Only what covers the range is read and opened. `noSuchMessage`, `corrupt`.
    func read(_ range: Range<Int>?, of body: BodyID, for account: AccountID) async throws -> ByteBuffer

    /// Those bodies whole, in the same order; a body may be named twice. Neighbours on the disk are read together, so ask for many in the order in which
    /// they came. All of them are held in memory at once: who asks keeps the sum of their sizes within `BodyBatch.octets`, and reads a larger body by ranges.
    /// `noSuchMessage`, `corrupt`: for the call; who wants the others asks for them one by one.
    func read(_ bodies: [BodyID], for account: AccountID) async throws -> [ByteBuffer]
}

/// How much of bodies is read in one call.
package enum BodyBatch {
    /// Of all bodies together: enough that a disk and a cipher are busy with it for about a millisecond, little enough for hundreds of readers.
    package static let octets = 1 << 20
    package static let bodies = 256
}

/// A store as who opened it has it. Everybody else takes the ports that he uses, one by one.
package protocol ClosableStore: Sendable {
    /// Waits for what is under way and closes. Later calls throw `closed`.
    func close() async
}
