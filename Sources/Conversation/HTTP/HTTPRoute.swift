package import MailModel

/// One thing that can be asked for: a method and a path, who may, what content is taken, and who answers.
package struct HTTPRoute: Sendable {
    package let method: String
    /// `/health/live`, `/files/{name}`, `/dav/{rest...}`: a segment in braces stands for any one, the last one with dots for all that follow (joined by `/`).
    package let path: String
    /// Whether what the path says literally is found in capital letters as well as in small ones.
    package var ignoresCase: Bool
    package var admission: Admission
    package var content: ContentRule
    package var rate: Rate
    package var answer: Answer

    /// How often one client may ask for it.
    package enum Rate: Hashable, CaseIterable, Sendable {
        /// With all others of this class, as often as an address may (S42).
        case usual
        /// What machines ask for again and again, to see whether all is well: ten times as often, by itself.
        case generous
    }

    /// From where it may be asked for. Who somebody is, is the Gatehouse's to say.
    package enum Admission: Hashable, Sendable {
        case anyone
        /// Clients in these networks; for others it is not there.
        case networks(NetworkList)
    }

    /// What content a request may have.
    package struct ContentRule: Hashable, Sendable {
        /// Octets; past it 413 is said (R69).
        package var limit: Int
        /// Media types in small letters; any other is answered 415. Nil: any, and none.
        package var types: Set<String>?
        /// Whether it may have any Content-Encoding (RFC 9110 §8.4), as nobody looks into it; any but `identity` is answered 415 otherwise.
        package var takesCodings: Bool

        package init(limit: Int, types: Set<String>? = nil, takesCodings: Bool = false) {
            self.limit = limit
            self.types = types
            self.takesCodings = takesCodings
        }

        /// GET and others that have none; a little is read past.
        package static let none = ContentRule(limit: 0)
        /// Nobody reads it, and no matter how much it is.
        package static let unread = ContentRule(limit: .max, takesCodings: true)
    }

    package enum Answer: Sendable {
        /// At once, on the connection's loop: it must neither wait nor take long.
        case now(@Sendable (HTTPRequest) -> HTTPReply)
        /// By a task that begins on the connection's loop and is cancelled when the connection ends; it must not block.
        case work(@Sendable (HTTPRequest, any RequestContent) async throws -> HTTPReply)
        /// A WebSocket (RFC 6455, RFC 8441) to whoever asks for one; others are answered 426.
        case socket(SocketRule)
    }

    package struct SocketRule: Sendable {
        /// Octets of a message; past it the WebSocket is closed with 1009 (S71-S73). 16 MiB at most.
        package var mostOctets: Int
        /// Nil: it is opened; what it answers otherwise is said in its place.
        package var refuse: @Sendable (HTTPRequest) -> HTTPReply?
        /// By a task as `work`; when it ends the WebSocket is closed.
        package var serve: @Sendable (HTTPRequest, any WebSocket) async -> Void

        package init(
            mostOctets: Int = 1 << 20, refuse: @escaping @Sendable (HTTPRequest) -> HTTPReply? = { _ in nil },
            serve: @escaping @Sendable (HTTPRequest, any WebSocket) async -> Void
        ) {
            self.mostOctets = min(mostOctets, 16 << 20)
            self.refuse = refuse
            self.serve = serve
        }
    }

    package init(
        _ method: String, _ path: String, ignoresCase: Bool = false, admission: Admission = .anyone, content: ContentRule = .none, rate: Rate = .usual,
        _ answer: Answer
    ) {
        self.method = method
        self.path = path
        self.ignoresCase = ignoresCase
        self.admission = admission
        self.content = content
        self.rate = rate
        self.answer = answer
    }
}
