import Storage

/// The client's first message, as its connection allows it.
package struct SCRAMOpening: Sendable, CustomStringConvertible, CustomReflectable {
    let mechanism: SASLMechanism
    let first: SCRAMClientFirst
    /// What the client must say it is bound to: its own header, and the data of the channel (RFC 5802 §6).
    let binding: [UInt8]

    init(_ mechanism: SASLMechanism, _ first: SCRAMClientFirst, binding: [UInt8]) {
        self.mechanism = mechanism
        self.first = first
        self.binding = binding
    }

    package var description: String { "(credentials)" }
    package var customMirror: Mirror { Mirror(self, children: [Mirror.Child]()) }
}

/// What the server has answered to it. It prints none of it.
package struct SCRAMChallenge: Sendable, CustomStringConvertible, CustomReflectable {
    let opening: SCRAMOpening
    let keys: SCRAMKeys
    /// The client's, and the server's behind it.
    let nonce: [UInt8]

    init(_ opening: SCRAMOpening, _ keys: SCRAMKeys, nonce: [UInt8]) {
        self.opening = opening
        self.keys = keys
        self.nonce = opening.first.nonce + nonce
    }

    // server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]
    // salt = "s=" base64;  iteration-count = "i=" posit-number
    var message: [UInt8] {
        let salt = String(decoding: SCRAMText.base64(keys.salt), as: UTF8.self)
        return Array("r=\(String(decoding: nonce, as: UTF8.self)),s=\(salt),i=\(keys.iterations)".utf8)
    }

    /// The last word to a client that knows the password, and speaks by this very connection; nil: it is none.
    ///
    ///     AuthMessage = client-first-message-bare + "," + server-first-message + "," + client-final-message-without-proof
    ///     server-final-message = (server-error / verifier) ["," extensions];  verifier = "v=" base64
    func verdict(on final: SCRAMClientFinal) -> [UInt8]? {
        let text = Array([opening.first.bare, message, final.bare].joined(separator: [SCRAMText.comma]))
        let signature = keys.signature(for: final.proof, of: text)
        let isBound = isEqualInConstantTime(final.binding, opening.binding)
        let isAnswer = isEqualInConstantTime(final.nonce, nonce)
        guard isBound, isAnswer, let signature else { return nil }
        return Array("v=".utf8) + SCRAMText.base64(signature)
    }

    package var description: String { "(challenge)" }
    package var customMirror: Mirror { Mirror(self, children: [Mirror.Child]()) }
}

/// A client has shown that it knows the password of an account as that was then; it has been told so, and has to say that it has heard it.
package struct SCRAMProved: Sendable, CustomStringConvertible, CustomReflectable {
    let user: String
    let record: AccountRecord

    package var description: String { "(credentials)" }
    package var customMirror: Mirror { Mirror(self, children: [Mirror.Child]()) }
}
