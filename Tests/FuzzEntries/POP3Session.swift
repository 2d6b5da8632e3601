import Conversation
import Gatehouse
import Logging
import MailModel
import NIOCore
import PostOffice
import Storage

@testable import POP3

/// Holds the conversation that the bytes are with a session, cut in three ways. Traps when what is answered depends on how the bytes were cut,
/// when a reply is no reply, and when more is held than may be. The first octet chooses TLS and what becomes of the work.
package func fuzzPOP3Session(_ bytes: UnsafeRawBufferPointer) {
    guard let choice = bytes.first, let name = try? AccountName("alice@example.test") else { return }
    let rest = bytes.dropFirst()
    var lines = FuzzTalk(choice, name)
    var start = rest.startIndex
    for index in rest.indices where rest[index] == 0x0A {
        lines.send(ByteBuffer(bytes: rest[start...index]))
        start = index + 1
    }
    lines.send(ByteBuffer(bytes: rest[start...]))
    var single = FuzzTalk(choice, name)
    for octet in rest { single.send(ByteBuffer(bytes: CollectionOfOne(octet))) }
    precondition(lines.output == single.output, "replies depend on how the bytes are cut")
    var whole = FuzzTalk(choice, name)
    whole.send(ByteBuffer(bytes: rest))
    // What comes behind STLS in one piece with it is dropped.
    if !whole.startedTLS { precondition(lines.output == whole.output, "replies depend on how the bytes are cut") }
    whole.check()
}

/// The grammar alone: what a message becomes on its way to the client, cut in every place.
package func fuzzPOP3Message(_ bytes: UnsafeRawBufferPointer) {
    let message = ByteBuffer(bytes: bytes)
    var whole = ByteBuffer()
    var stuffer = DotStuffer()
    stuffer.write(message, to: &whole)
    stuffer.finish(&whole)
    var single = ByteBuffer()
    stuffer = DotStuffer()
    var top = TopLines(lines: 2)
    var shown = ByteBuffer()
    for octet in bytes {
        let piece = ByteBuffer(bytes: CollectionOfOne(octet))
        stuffer.write(piece, to: &single)
        if !top.isComplete { shown.writeImmutableBuffer(top.take(piece)) }
    }
    stuffer.finish(&single)
    precondition(whole == single, "what is sent depends on how it was read")
    var wholeTop = TopLines(lines: 2)
    precondition(wholeTop.take(message) == shown, "what TOP shows depends on how it was read")
    let ends = whole.readableBytesView.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
    precondition(ends.allSatisfy { $0.last == 0x0D }, "a bare LF")
    precondition(ends.dropLast().allSatisfy { $0.first != 0x2E || $0.dropFirst().first == 0x2E }, "a line that is not stuffed")
    precondition(ends.last?.elementsEqual([0x2E, 0x0D]) == true, "no end")
}

private struct FuzzTalk {
    private(set) var output = ByteBuffer()
    private(set) var startedTLS = false
    private var session: POP3Session
    private var input = ByteBuffer()
    private var isClosed = false
    private let choice: UInt8
    private let name: AccountName

    init(_ choice: UInt8, _ name: AccountName) {
        self.choice = choice
        self.name = name
        let log = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
        session = POP3Session(settings: POP3Settings(version: "1", offersTLS: choice & 1 == 0, clock: { Timestamp(rawValue: 0) }, log: log))
        let tls = choice & 2 == 0 ? TLSFacts(version: "TLSv1.3") : nil
        session.begin(
            ConnectionFacts(id: 1, peerAddress: "192.0.2.1", peerPort: 1, localPort: 110, isLoopback: false, tls: tls), &output)
    }

    mutating func send(_ bytes: ByteBuffer) {
        guard !isClosed else { return }
        input.writeImmutableBuffer(bytes)
        while true {
            switch session.advance(&input, &output) {
            case .more:
                precondition(input.readableBytes <= POP3Settings.authLine, "more is held than may be")
                return
            case .again: break
            case .wait: preconditionFailure("it waits for nothing")
            case .compress: preconditionFailure("POP3 has no compression")
            case .work(let work): session.absorb(outcome(of: work), &output)
            case .startTLS:
                input.clear()
                startedTLS = true
                session.secured(TLSFacts(version: "TLSv1.3"))
            case .close:
                isClosed = true
                return
            }
        }
    }

    private mutating func outcome(of work: POP3Work) -> POP3Outcome {
        switch work {
        case .logIn:
            if choice & 4 != 0 { return .login(.refused) }
            if choice & 8 != 0 { return .login(.inUse) }
            let login = LoginSession(Principal(account: AccountID(rawValue: 1), name: name))
            return .login(.admitted(MaildropSession(login: login, maildrop: FuzzBox.maildrop)))
        case .list(let listing):
            output.writeString("+OK \(listing.marks.count)\r\n")
            return .listed
        case .retrieve(let retrievals, _):
            for retrieval in retrievals { output.writeString("+OK \(retrieval.row.uid) \(retrieval.lines ?? -1)\r\n") }
            return .retrieved
        case .readAhead: return .readAhead(nil)
        case .update(let marks, let maildrop):
            var uids = NumberSet()
            do { try marks.addUIDs(of: 0..<maildrop.rows.count, in: maildrop.rows, to: &uids) } catch { preconditionFailure("rows are at hand") }
            precondition(uids.count == marks.count, "marks and messages differ")
            return .updated(choice & 16 == 0)
        }
    }

    func check() {
        for line in output.readableBytesView.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
            precondition(line.last == 0x0D && line.dropLast().allSatisfy { $0 >= 0x20 && $0 < 0x7F }, "a reply holds what no reply may")
            precondition(line.count <= 511, "a reply is too long")
        }
    }
}

/// A maildrop of three messages.
private final class FuzzBox: MailboxHandle {
    let snapshot: MailboxSnapshot
    var mailbox: MailboxID { snapshot.mailbox }

    init(_ snapshot: MailboxSnapshot) { self.snapshot = snapshot }

    func watch(_ poke: @escaping @Sendable () -> Void) -> any AnyObject & Sendable { self }
    func claimRecent() -> UInt32 { 0 }

    static var maildrop: Maildrop {
        let validity = UIDValidity(rawValue: 7)
        var rows = validity.map { MailboxSnapshot(mailbox: MailboxID(rawValue: 1), uidValidity: $0) }
        rows?.append(
            [3, 4, 9].compactMap { UID(rawValue: $0) }.map {
                MessageRow(
                    uid: $0, flags: FlagBits(rawValue: 0), modSeq: .zero, body: BodyID(rawValue: 1),
                    internalDate: Timestamp(rawValue: 0), size: 600_000)
            })
        guard let rows else { preconditionFailure("7 is a UIDVALIDITY") }
        return Maildrop(rows: rows, octets: 1_800_000, handle: FuzzBox(rows), account: AccountID(rawValue: 1)) {}
    }
}
