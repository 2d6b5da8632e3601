package import NIOCore

/// What lists of messages need, worked out once when a message comes and kept with its body.
package struct MessageOutline: Sendable, Equatable {
    /// The version of the parser that makes outlines; a store that finds an older one beside a body works it out again.
    package static let version: UInt16 = 1

    /// Octets of the whole message.
    package var size: Int
    /// Octets of the top header with its empty line; what follows is the body.
    package var headerSize: Int
    /// Line ends in the whole message.
    package var lineCount: Int
    /// The raw top header with its empty line; nil when it is longer than `MessageLimits.keptHeaderOctets`.
    package var header: ByteBuffer?
    package var headerIsComplete: Bool { header != nil }
    package var envelope: MessageEnvelope
    /// The Message-ID as `<left@right>` and nothing else; what `references` of other messages hold.
    package var messageID: String?
    /// The identifiers of References, then In-Reply-To, oldest first, as `<left@right>`, none twice.
    package var references: [String]
    /// The Date field, where it can be read.
    package var sentDate: MessageDate?
    /// At most 200 characters of the first text, decoded, on one line (RFC 8970 §3.2).
    package var preview: String
    package var root: Part

    /// The part that IMAP calls by these numbers (RFC 9051 §6.4.5.1); the root for none. Part 1 of a message that is no
    /// multipart is its body. Nil when there is no such part.
    package func part(at path: [Int]) -> Part? {
        var place = PartPlace.message(root)
        for number in path {
            guard let next = place.descend(number) else { return nil }
            place = .part(next)
        }
        return place.part
    }

    /// Every part, parents before children, with its numbers; the root of a multipart has none.
    package func forEachPart(_ body: (_ path: [Int], _ part: Part) throws -> Void) rethrows {
        try PartPlace.message(root).walk([], body)
    }
}

/// Where a descent by part numbers stands.
private enum PartPlace {
    /// At a message: its first number is a child of its multipart, or 1 for its only body.
    case message(Part)
    case part(Part)

    var part: Part {
        switch self {
        case .message(let part), .part(let part): part
        }
    }

    func descend(_ number: Int) -> Part? {
        guard number >= 1 else { return nil }
        switch (self, part.content) {
        case (_, .multipart(let parts)):
            return number <= parts.count ? parts[number - 1] : nil
        case (.message(let root), _):
            return number == 1 ? root : nil
        case (.part, .message(let embedded)):
            return PartPlace.message(embedded.root).descend(number)
        case (.part, .leaf):
            return nil
        }
    }

    // As deep as the tree, which the scanner and the decoder bound.
    func walk(_ path: [Int], _ body: (_ path: [Int], _ part: Part) throws -> Void) rethrows {
        var own = path
        if case .message = self {
            if case .multipart = part.content {} else { own.append(1) }
        }
        try body(own, part)
        switch part.content {
        case .leaf: break
        case .multipart(let parts):
            for (index, child) in parts.enumerated() { try PartPlace.part(child).walk(own + [index + 1], body) }
        case .message(let embedded):
            try PartPlace.message(embedded.root).walk(own, body)
        }
    }
}
