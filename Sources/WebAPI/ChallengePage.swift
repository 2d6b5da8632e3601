package import Conversation
import NIOCore

/// What an authority for certificates asks for, to see that a name is ours (RFC 8555 §8.3).
package struct ChallengePage: Sendable {
    private let keyAuthorization: @Sendable (String) -> String?

    /// - parameter keyAuthorization: of a token; nil: we have asked for nothing by it. It must not wait.
    package init(_ keyAuthorization: @escaping @Sendable (String) -> String?) { self.keyAuthorization = keyAuthorization }

    package var routes: [HTTPRoute] {
        [
            HTTPRoute(
                "GET", "/.well-known/acme-challenge/{token}", rate: .generous,
                .now { request in
                    guard let token = request.captures.first, ChallengePage.isToken(token), let text = keyAuthorization(token) else { return .refusal(404) }
                    return HTTPReply(
                        200, ["Content-Type": "application/octet-stream", "Cache-Control": "no-store"], content: .octets(ByteBuffer(string: text)))
                })
        ]
    }

    /// The base64url alphabet (RFC 8555 §8.3).
    private static func isToken(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
                default: byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                }
            }
    }
}
