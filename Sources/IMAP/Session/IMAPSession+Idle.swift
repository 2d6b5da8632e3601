import Conversation
import MailModel
import NIOCore

// IDLE (RFC 9051 §6.3.13).
extension IMAPSession {
    mutating func beginIdle(_ tag: Tag, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        guard let view else {
            idle(tag, watch: nil, &output)
            return nil
        }
        pending.append(.watch(tag))
        return .work(.watch(view.mailbox.handle))
    }

    mutating func idle(_ tag: Tag, watch: (any AnyObject & Sendable)?, _ output: inout ByteBuffer) {
        output.writeContinuation("Idling")
        reader.expectLine(limit: 64)
        activity = .idle(tag, watch: watch)
        idleWords = 0
        // What came before the watch began.
        tellWishedNews(expunges: true, &output)
    }

    /// Somebody poked the connection.
    mutating func tellIdle(_ output: inout ByteBuffer) {
        wasPoked = false
        if case .idle = activity { tellNews(expunges: true, &output) }
    }

    mutating func endIdle(_ tag: Tag, _ line: ByteBuffer?, _ output: inout ByteBuffer) {
        guard let line, String(buffer: line).uppercased() == "DONE" else {
            finish(tag, .idle, .bad("DONE was expected"), &output)
            return
        }
        finish(tag, .idle, .ok("IDLE done"), &output)
    }
}
