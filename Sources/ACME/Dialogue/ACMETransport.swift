package import NIOCore

/// How a CA is reached. An implementation checks the CA's certificate, follows no redirect, and bounds the time that a request may take.
package protocol ACMETransport: Sendable {
    /// One request and its answer. What it throws is taken for a CA that is not reached; `CancellationError` where the task is cancelled while it waits.
    func send(_ request: ACMERequest) async throws -> ACMEReply
}

package struct ACMERequest: Hashable, Sendable {
    package enum Method: String, Hashable, Sendable { case get = "GET", head = "HEAD", post = "POST" }

    package let method: Method
    package let url: ResourceURL
    /// Besides Host, Content-Length and User-Agent, which the transport adds (RFC 8555 §6.1 asks for all three).
    package let fields: [(name: String, value: String)]
    package let content: ByteBuffer
    /// Of the answer's content; more is a fault.
    package let mostOctets: Int

    package static func == (a: ACMERequest, b: ACMERequest) -> Bool {
        a.method == b.method && a.url == b.url && a.content == b.content && a.mostOctets == b.mostOctets && a.fields.elementsEqual(b.fields, by: ==)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(method)
        hasher.combine(url)
    }
}

package struct ACMEReply: Sendable {
    package let status: Int
    private let fields: [(name: String, value: String)]
    package let content: ByteBuffer

    /// - parameter fields: each as often as it came, in any case.
    package init(status: Int, fields: [(name: String, value: String)] = [], content: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.fields = fields.map { ($0.name.lowercased(), $0.value) }
        self.content = content
    }

    /// All values of a field, in order.
    package func values(_ name: String) -> [String] {
        let name = name.lowercased()
        return fields.filter { $0.name == name }.map(\.value)
    }

    /// The first value of a field.
    package func field(_ name: String) -> String? { values(name).first }

    /// Type and subtype of its Content-Type, in lower case and without parameters.
    var mediaType: String? {
        field("content-type")?.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).first.map { type in
            type.drop { $0 == " " }.prefix { $0 != " " }.lowercased()
        }
    }
}
