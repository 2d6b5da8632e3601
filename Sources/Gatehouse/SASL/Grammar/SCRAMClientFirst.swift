/// The client's first message (RFC 5802 §7). It prints neither name nor nonce.
package struct SCRAMClientFirst: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
    /// What the client says of channel binding (RFC 5802 §6).
    package enum Binding: Equatable, Sendable {
        /// It can bind to none.
        case unable
        /// It could, and believes that the server cannot.
        case notOffered
        /// It binds to one of that type.
        case bound(String)
    }

    package let binding: Binding
    /// The gs2-header as it came, with its last comma.
    package let header: [UInt8]
    /// Whom the client would act for; nil: itself.
    package let authorization: String?
    package let user: String
    package let nonce: [UInt8]
    /// client-first-message-bare as it came.
    package let bare: [UInt8]

    // client-first-message = gs2-header client-first-message-bare
    // gs2-header = gs2-cbind-flag "," [ authzid ] ",";  authzid = "a=" saslname
    // client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions];  username = "n=" saslname
    /// Nil for anything else, and for one that demands an extension (`m=`, of which there is none).
    package init?(_ message: [UInt8]) {
        guard message.count <= SCRAMText.longestMessage else { return nil }
        let parts = message.split(separator: SCRAMText.comma, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let binding = SCRAMClientFirst.binding(parts[0]) else { return nil }
        var authorization: String?
        if !parts[1].isEmpty {
            guard let name = SCRAMText.value("a", of: parts[1]).flatMap({ SCRAMText.name($0) }) else { return nil }
            authorization = name
        }
        let attributes = parts[2].split(separator: SCRAMText.comma, maxSplits: 2, omittingEmptySubsequences: false)
        guard attributes.count >= 2, let user = SCRAMText.value("n", of: attributes[0]).flatMap({ SCRAMText.name($0) }),
            let nonce = SCRAMText.nonce(attributes[1]), attributes.count == 2 || SCRAMText.areExtensions(attributes[2])
        else { return nil }
        self.binding = binding
        self.authorization = authorization
        self.user = user
        self.nonce = nonce
        header = Array(message[..<parts[2].startIndex])
        bare = Array(parts[2])
    }

    // gs2-cbind-flag = ("p=" cb-name) / "n" / "y";  cb-name = 1*(ALPHA / DIGIT / "." / "-")
    private static func binding(_ flag: ArraySlice<UInt8>) -> Binding? {
        switch Array(flag) {
        case [UInt8(ascii: "n")]: return .unable
        case [UInt8(ascii: "y")]: return .notOffered
        default:
            guard let name = SCRAMText.value("p", of: flag), name.count <= 64, name.allSatisfy(isOfType) else { return nil }
            return .bound(String(decoding: name, as: UTF8.self))
        }
    }

    private static func isOfType(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "."), UInt8(ascii: "-"): true
        default: false
        }
    }

    /// Nobody may act for another here.
    package var actsForItself: Bool { authorization == nil || authorization == user }

    package var description: String { "(credentials)" }
    package var customMirror: Mirror { Mirror(self, children: [Mirror.Child]()) }
}
