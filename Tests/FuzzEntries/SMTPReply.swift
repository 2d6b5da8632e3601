import Conversation
import MailModel
import NIOCore
import SMTP

/// What another server may answer, cut in three ways. Traps when replies depend on how they are cut, when more is held than may be, and when what is kept of
/// one has a control character, is no reply, or is larger than may be. The same octets are read as DNS records too.
package func fuzzSMTPReply(_ bytes: UnsafeRawBufferPointer) {
    if let exchanger = RecordData.mailExchanger(Array(bytes)), let host = exchanger.host {
        precondition(host.value.utf8.count <= 253 && !host.value.utf8.contains { $0 <= 0x20 || $0 >= 0x7F }, "an exchanger that is no host name")
    }
    let whole = Replies(bytes, piece: max(1, bytes.count))
    precondition(whole == Replies(bytes, piece: 1), "octet by octet it is read differently")
    precondition(whole == Replies(bytes, piece: 7), "in small pieces it is read differently")
    for reply in whole.replies {
        precondition((200...599).contains(reply.code) && !reply.lines.isEmpty && reply.lines.count <= ReplyReader.mostLines, "a reply is no reply")
        precondition(reply.lines.allSatisfy { !$0.utf8.contains(0x0A) }, "a line holds LF")
        let remote = reply.remote
        precondition(remote.lines.count <= RemoteReply.mostLines, "too many lines are kept")
        for line in remote.lines {
            precondition(line.utf8.count <= RemoteReply.mostOctets, "a line that is kept is too long")
            precondition(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }, "a control character is kept")
        }
        if let status = remote.status { precondition(Int(status.category) == reply.code / 100, "an enhanced code of another class") }
        let offer = ServerOffer(reply)
        for limit in [offer.sizeLimit, offer.messageLimit, offer.recipientLimit, offer.domainLimit] { precondition(limit ?? 1 > 0, "a limit of nothing") }
    }
}

private struct Replies: Equatable {
    private(set) var replies: [ServerReply] = []
    private(set) var fault: ReplyReader.Fault?

    init(_ bytes: UnsafeRawBufferPointer, piece: Int) {
        var reader = ReplyReader()
        for start in stride(from: 0, to: bytes.count, by: piece) {
            reader.feed(ByteBuffer(bytes: bytes[start..<min(start + piece, bytes.count)]))
            do throws(ReplyReader.Fault) {
                while let reply = try reader.next() { replies.append(reply) }
            } catch {
                fault = error
                return
            }
        }
    }
}
