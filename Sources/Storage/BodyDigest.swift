package import MessageFormat

/// What lists need of a body, worked out once when it comes and kept sealed beside it. What that is depends on what the body is.
package enum BodyDigest: Sendable, Equatable {
    /// A message's: searched, threaded, and shown in lists. Large, and handed on from room to room.
    indirect case message(MessageOutline)
    /// Of a body that is no message: the store keeps it, and understands nothing of it.
    case other(OtherDigest)

    /// Nil for what is no message.
    package var outline: MessageOutline? {
        if case .message(let outline) = self { outline } else { nil }
    }
}

/// A digest that whoever knows the kind of body has made.
package struct OtherDigest: Sendable, Equatable {
    /// What a body is, other than a message: 1 to 32,767, each given once by who keeps such bodies, and never given to another kind.
    package struct Kind: RawRepresentable, Hashable, Sendable {
        package let rawValue: UInt16

        package init?(rawValue: UInt16) {
            guard (1...0x7FFF).contains(rawValue) else { return nil }
            self.rawValue = rawValue
        }
    }

    package let kind: Kind
    /// Of the reader that made it; 0: there is none, for the index was lost and made anew, and who knows the kind reads the body again.
    package let version: UInt16
    package let octets: [UInt8]

    package init(kind: Kind, version: UInt16, octets: [UInt8]) {
        self.kind = kind
        self.version = version
        self.octets = octets
    }
}
