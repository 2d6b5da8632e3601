import NIOCore

/// A part of a `MessageInspection`: its header decoded, where it lies, and its text.
package struct PartInspection: Encodable, Sendable {
    /// As IMAP numbers it: `1.2`; empty for a multipart that is a whole message.
    package let path: String
    package let type: String
    package let parameters: [String: String]
    package let encoding: String
    package let disposition: String?
    package let fileName: String?
    package let id: String?
    package let description: String?
    package let md5: String?
    package let languages: [String]
    package let location: String?
    package let headerOffset: Int
    package let headerLength: Int
    package let bodyOffset: Int
    package let bodyLength: Int
    package let lineCount: Int
    /// Octets without the transfer encoding; nil for a part of parts, and for an encoding that is not known.
    package let decodedSize: Int?
    /// A text part's text.
    package let text: String?
    package let parts: [PartInspection]
    package let message: Embedded?

    package struct Embedded: Encodable, Sendable {
        package let envelope: EnvelopeInspection
        private let root: [PartInspection]

        init(_ embedded: EmbeddedMessage, structure: PartInspection) {
            envelope = EnvelopeInspection(embedded.envelope)
            root = [structure]
        }

        /// The message's own root.
        package var structure: PartInspection { root[0] }

        private enum CodingKeys: String, CodingKey {
            case envelope
            case structure
        }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(envelope, forKey: .envelope)
            try container.encode(structure, forKey: .structure)
        }
    }

    /// As deep as the tree, which the scanner bounds; `left` octets of text may still be decoded.
    init(_ part: Part, path: [Int], message: ByteBuffer, left: inout Int) {
        self.path = path.map { String($0) }.joined(separator: ".")
        type = part.type + "/" + part.subtype
        parameters = PartInspection.readable(part.parameters)
        encoding = part.encoding
        disposition = part.disposition?.kind
        fileName = part.fileName
        id = part.id
        description = part.description.map(EncodedWord.decode)
        md5 = part.md5
        languages = part.languages
        location = part.location
        headerOffset = part.headerRange.lowerBound
        headerLength = part.headerRange.count
        bodyOffset = part.bodyRange.lowerBound
        bodyLength = part.bodyRange.count
        lineCount = part.lineCount
        var parts: [PartInspection] = []
        var embeddedMessage: Embedded?
        var decoded: ByteBuffer?
        switch part.content {
        case .leaf:
            let body = message.getSlice(at: part.bodyRange.lowerBound, length: part.bodyRange.count) ?? ByteBuffer()
            decoded = TransferDecoder.decoded(body, encoding: part.encoding)
        case .multipart(let children):
            for (index, child) in children.enumerated() {
                parts.append(PartInspection(child, path: path + [index + 1], message: message, left: &left))
            }
        case .message(let embedded):
            let isMultipart = if case .multipart = embedded.root.content { true } else { false }
            let root = PartInspection(
                embedded.root, path: isMultipart ? path : path + [1], message: message, left: &left)
            embeddedMessage = Embedded(embedded, structure: root)
        }
        self.parts = parts
        self.message = embeddedMessage
        decodedSize = decoded?.readableBytes
        if part.isText, let decoded, decoded.readableBytes <= left {
            left -= decoded.readableBytes
            text = part.text(of: decoded)
        } else {
            text = nil
        }
    }

    private static func readable(_ parameters: [Parameter]) -> [String: String] {
        var readable: [String: String] = [:]
        for parameter in parameters {
            let name = parameter.name.hasSuffix("*") ? String(parameter.name.dropLast()) : parameter.name
            readable[name] = parameters.value(name)
        }
        return readable
    }
}
