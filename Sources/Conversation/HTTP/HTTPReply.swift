package import NIOCore

/// An answer to a request. The engine adds what all answers have: Date, Content-Length or the framing in its place, and the listener's fixed fields.
package struct HTTPReply: Sendable {
    /// 200...599.
    package var status: Int
    package var fields: HTTPFields
    package var content: ReplyContent

    package init(_ status: Int, _ fields: HTTPFields = HTTPFields(), content: ReplyContent = .octets(ByteBuffer())) {
        self.status = status
        self.fields = fields
        self.content = content
    }

    /// Text in UTF-8.
    package init(_ status: Int, text: String, type: String = "text/plain; charset=utf-8", _ fields: HTTPFields = HTTPFields()) {
        self.init(status, fields, content: .octets(ByteBuffer(string: text)))
        self.fields.set("Content-Type", type)
    }

    /// A refusal in words that say nothing of what is behind it.
    package static func refusal(_ status: Int, _ fields: HTTPFields = HTTPFields()) -> HTTPReply {
        HTTPReply(status, text: "\(status) \(reason(status))\n", fields)
    }

    /// RFC 9110 §15.
    private static func reason(_ status: Int) -> String {
        switch status {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}

package enum ReplyContent: Sendable {
    /// A page; what may be large is a stream, which goes as slowly as the peer takes it.
    case octets(ByteBuffer)
    /// Written as it is made, by a task of the connection's that is cancelled when the connection ends. `length`: octets, where they are known before.
    /// What throws, or writes another number than `length`, breaks the connection (HTTP/2: the stream) off, so that nobody takes a part for the whole.
    case stream(length: Int?, @Sendable (any ContentWriter) async throws -> Void)
}

package protocol ContentWriter: Sendable {
    /// Sends it, and returns when the connection takes more (back-pressure). Throws `CancellationError` when it is closed.
    func write(_ bytes: ByteBuffer) async throws
}
