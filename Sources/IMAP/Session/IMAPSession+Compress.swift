import Conversation
import MailModel
import NIOCore

// COMPRESS (RFC 4978).
extension IMAPSession {
    /// From the next byte on, both ways, the connection is a raw deflate stream; the answer itself is not in it (RFC 4978 §3).
    mutating func compress(_ tag: Tag, _ output: inout ByteBuffer) -> Step<IMAPWork>? {
        isCompressed = true
        tellWishedNews(expunges: true, &output)
        // Whatever contexts have to tell is told compressed.
        say(tag, .ok("Begin compression"), &output)
        return .compress
    }
}
