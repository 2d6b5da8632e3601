/// What ties a message to others of its conversation (RFC 5256 §3, THREAD=REFERENCES step 1).
package struct ThreadLinks: Sendable, Equatable {
    package let id: String?
    /// The messages it comes after, oldest first: those of References; where there are none, the first of In-Reply-To.
    package let references: [String]

    private static let most = 1_000

    package init(_ outline: MessageOutline) {
        id = outline.messageID.map(ThreadLinks.normalised)
        references = ThreadLinks.references(outline).map(ThreadLinks.normalised)
    }

    private static func references(_ outline: MessageOutline) -> [String] {
        // The outline has both fields in one list.
        guard let inReplyTo = outline.envelope.inReplyTo, !outline.references.isEmpty else { return outline.references }
        let replied = identifiers(inReplyTo)
        guard !replied.isEmpty else { return outline.references }
        guard let header = outline.header else { return outline.references }
        let listed = HeaderFields(header).first("References").map { identifiers($0.value) } ?? []
        return listed.isEmpty ? Array(replied.prefix(1)) : listed
    }

    private static func identifiers(_ value: String) -> [String] {
        var value = value
        return value.withUTF8 { MessageIdentifiers.parse(UnsafeRawBufferPointer($0), limit: most) }
    }

    // RFC 5256 §3: <"a"@b> is <a@b>.
    private static func normalised(_ id: String) -> String {
        guard id.utf8.contains(UInt8(ascii: "\"")) else { return id }
        var octets: [UInt8] = []
        var isEscaped = false
        for octet in id.utf8 {
            if !isEscaped, octet == UInt8(ascii: "\"") { continue }
            isEscaped = !isEscaped && octet == UInt8(ascii: "\\")
            if !isEscaped { octets.append(octet) }
        }
        return String(decoding: octets, as: UTF8.self)
    }
}
