import MessageFormat

/// The client's last message but an empty one (RFC 5802 §7). It does not print itself.
package struct SCRAMClientFinal: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
    /// The gs2-header and the data of the channel, as the client has them.
    package let binding: [UInt8]
    package let nonce: [UInt8]
    /// 32 octets.
    package let proof: [UInt8]
    /// client-final-message-without-proof as it came.
    package let bare: [UInt8]

    // client-final-message = client-final-message-without-proof "," proof
    // client-final-message-without-proof = channel-binding "," nonce ["," extensions]
    // channel-binding = "c=" base64;  proof = "p=" base64
    /// Nil for anything else.
    package init?(_ message: [UInt8]) {
        guard message.count <= SCRAMText.longestMessage, let last = message.lastIndex(of: SCRAMText.comma),
            let proof = SCRAMText.value("p", of: message[(last + 1)...]).flatMap({ Base64.decode(Array($0)) }), proof.count == SCRAMKeys.length
        else { return nil }
        let attributes = message[..<last].split(separator: SCRAMText.comma, maxSplits: 2, omittingEmptySubsequences: false)
        guard attributes.count >= 2, let binding = SCRAMText.value("c", of: attributes[0]).flatMap({ Base64.decode(Array($0)) }),
            let nonce = SCRAMText.nonce(attributes[1]), attributes.count == 2 || SCRAMText.areExtensions(attributes[2])
        else { return nil }
        self.binding = binding
        self.nonce = nonce
        self.proof = proof
        bare = Array(message[..<last])
    }

    package var description: String { "(credentials)" }
    package var customMirror: Mirror { Mirror(self, children: [Mirror.Child]()) }
}
