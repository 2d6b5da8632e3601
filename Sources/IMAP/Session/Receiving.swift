import MailModel
import NIOCore
import PostOffice

/// An APPEND or a REPLACE whose messages are on their way.
struct Receiving: Sendable {
    let tag: Tag
    let verb: Verb
    let mailbox: MailboxName
    let superseded: Placing.Replaced?
    /// Messages that are whole.
    private(set) var filings: [Filing] = []
    private(set) var isBinary = false
    /// What the whole ones hold in memory.
    private(set) var weight = 0
    private(set) var message: AppendMessage
    /// Of the message so far, by announcement.
    var octets: Int
    var incoming: Incoming?
    /// Bytes that are not handed on yet.
    var gathered = ByteBuffer()
    /// The client may be asked for more: its target is there.
    var isTargetKnown = false

    /// Octets that are handed on at a time; a smaller message goes in one piece of work with its placing.
    static let piece = 128 << 10
    /// Messages of one command, and octets of memory that they may take besides their bytes.
    static let mostMessages = 1_000
    static let mostWeight = 8 << 20

    init(_ tag: Tag, _ verb: Verb, _ mailbox: MailboxName, _ superseded: Placing.Replaced?, _ message: AppendMessage) {
        self.tag = tag
        self.verb = verb
        self.mailbox = mailbox
        self.superseded = superseded
        self.message = message
        octets = message.octets
    }

    /// One more message is too much (RFC 3502 leaves the number to the server).
    var isFull: Bool { filings.count + 1 >= Receiving.mostMessages || weight > Receiving.mostWeight }

    /// The message that comes in, begun where it is not yet.
    mutating func currentIncoming() -> Incoming {
        let current = incoming ?? Incoming(expected: octets, isBinary: message.isBinary)
        incoming = current
        return current
    }

    mutating func takeGathered() -> ByteBuffer {
        defer { gathered = ByteBuffer() }
        return gathered
    }

    /// The message is whole.
    mutating func file() -> Incoming {
        let whole = currentIncoming()
        filings.append(Filing(incoming: whole, flags: message.flags, internalDate: message.date))
        isBinary = isBinary || message.isBinary
        incoming = nil
        return whole
    }

    /// The next one begins; the one before it is whole, and so `weight` is known.
    mutating func begin(_ message: AppendMessage) {
        self.message = message
        octets = message.octets
    }

    mutating func weigh() { weight += filings.last?.incoming.weight ?? 0 }
}
