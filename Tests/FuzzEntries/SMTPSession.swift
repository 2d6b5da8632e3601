import Conversation
import Gatehouse
import MailModel
import NIOCore
import PostOffice

@testable import SMTP

/// Holds the conversation that the bytes are with a session, cut in three ways. Traps when lines and single octets are answered
/// differently, when a reply is no reply, when a message that is handed on has what no message may have, and when more is held than may be.
/// The first octet chooses role, TLS and what becomes of the work.
package func fuzzSMTPSession(_ bytes: UnsafeRawBufferPointer) {
    guard let choice = bytes.first, let host = Domain("mx.example") else { return }
    let rest = bytes.dropFirst()
    // By lines, as a client that waits for 354 sends; all at once is answered otherwise (503 and a close).
    var lines = FuzzTalk(choice, host)
    var start = rest.startIndex
    for index in rest.indices where rest[index] == 0x0A {
        lines.send(ByteBuffer(bytes: rest[start...index]))
        start = index + 1
    }
    lines.send(ByteBuffer(bytes: rest[start...]))
    var single = FuzzTalk(choice, host)
    for octet in rest { single.send(ByteBuffer(bytes: CollectionOfOne(octet))) }
    precondition(lines.output == single.output, "replies depend on how the bytes are cut")
    precondition(lines.messages == single.messages && lines.binaries == single.binaries, "messages depend on how the bytes are cut")
    var whole = FuzzTalk(choice, host)
    whole.send(ByteBuffer(bytes: rest))
    for talk in [lines, whole] { talk.check() }
}

private struct FuzzTalk {
    private(set) var output = ByteBuffer()
    private(set) var messages: [ByteBuffer] = []
    /// Of any octets.
    private(set) var binaries: [ByteBuffer] = []
    private var session: SMTPSession
    private var input = ByteBuffer()
    private var isClosed = false
    private let choice: UInt8

    init(_ choice: UInt8, _ host: Domain) {
        self.choice = choice
        let role: SMTPRole = choice & 1 == 0 ? .mx : choice & 2 == 0 ? .submission : .submissions
        var settings = SMTPSettings(role: role, hostName: host)
        settings.messageLimit = 300
        settings.recipientLimit = 5
        settings.queue = QueueOffer()
        settings.pieceSize = choice & 4 == 0 ? 1 << 16 : 40
        session = SMTPSession(settings)
        let tls = role == .submissions || choice & 8 == 0 ? TLSFacts(version: "TLSv1.3") : nil
        session.begin(
            ConnectionFacts(
                id: 1, peerAddress: "192.0.2.1", peerPort: 1, localPort: 25, isLoopback: false, tls: tls), &output)
    }

    mutating func send(_ bytes: ByteBuffer) {
        guard !isClosed else { return }
        input.writeImmutableBuffer(bytes)
        while true {
            switch session.advance(&input, &output) {
            case .more:
                precondition(input.readableBytes <= 1 << 16, "more is held than may be")
                return
            case .again: break
            case .wait: preconditionFailure("it waits for nothing")
            case .compress: preconditionFailure("SMTP has no compression")
            case .work(let work): session.absorb(outcome(of: work), &output)
            case .startTLS:
                input.clear()
                session.secured(TLSFacts(version: "TLSv1.3"))
            case .close:
                isClosed = true
                return
            }
        }
    }

    private mutating func outcome(of work: SMTPWork) -> SMTPOutcome {
        switch work {
        case .authenticate(let attempt):
            guard choice & 16 == 0, let name = try? AccountName("alice@example.test"), case .password(let credentials) = attempt.question,
                !credentials.user.isEmpty
            else { return .notAdmitted }
            return .admitted(LoginSession(Principal(account: AccountID(rawValue: 1), name: name)))
        case .authorize: return choice & 32 == 0 ? .authorized : .refused(.notOwner)
        case .resolve(let path, from: _, _):
            guard choice & 64 == 0 else { return .refused(.unknownUser) }
            return .resolved(Intake.Recipient(address: path, destinations: [.mailbox(MailboxID(rawValue: 1), of: AccountID(rawValue: 1))]))
        case .judgeConnection, .judgeHello, .judgeSender, .judgeRecipient: return .refused(.unavailable)
        case .deliver(let submittal, let text):
            if submittal.transaction.isBinary { binaries.append(text) } else { messages.append(text) }
            return .delivered(TransactionID(bits: 0))
        case .open, .append, .finish: return .refused(.full)
        }
    }

    func check() {
        for message in messages {
            precondition(message.readableBytes <= 300, "a message is larger than the limit")
            var previous: UInt8 = 0
            for octet in message.readableBytesView {
                precondition(octet != 0, "NUL in a message")
                precondition((octet == 0x0A) == (previous == 0x0D), "a bare CR or LF in a message")
                previous = octet
            }
            precondition(previous != 0x0D, "a bare CR ends a message")
            fuzzIncomingHeader(message)
        }
        for text in binaries {
            precondition(text.readableBytes <= 300, "a message is larger than the limit")
            fuzzBinaryText(text)
        }
        for line in output.readableBytesView.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
            precondition(line.last == 0x0D && line.dropLast().allSatisfy { $0 != 0x0D && $0 != 0 }, "a reply holds CR, LF or NUL")
            precondition(line.count <= 513 && (0x32...0x35).contains(line.first ?? 0), "a reply is no reply")
        }
    }
}
