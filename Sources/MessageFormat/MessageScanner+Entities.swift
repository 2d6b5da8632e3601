import NIOCore

/// How header blocks and delimiters open and close entities.
extension MessageScanner {
    /// The header that is being read ends at `end`; its entity is open, and its body, or a message in it, begins.
    mutating func endHeader(at end: Int) {
        guard let header = pending else { return }
        pending = nil
        let fields = headerOctets.withUnsafeBytes { octets in
            EntityHeader(octets, isMessage: header.isMessage, isDigest: header.isDigest, budget: &budget)
        }
        defects.formUnion(fields.defects)
        if top == nil {
            let isKept = !isHeaderCut && headerOctets.count <= limits.keptHeaderOctets
            top = TopHeader(octets: isKept ? headerOctets : nil, size: end, fields: fields)
        }
        headerOctets.removeAll(keepingCapacity: true)
        let isEmbedded = tree.frames.contains { $0.kind == .message }
        let kind = tree.open(fields, headerRange: header.start..<end, line: lines)
        if kind == .message { pending = PendingHeader(start: end, isMessage: true, isDigest: false) }
        if kind == .leaf, !isEmbedded { sampler.open(fields) }
    }

    /// Closes every entity inside the one at `frame`, -1 for all; bodies end at `end`, before which there are `line`
    /// line feeds. A header that is cut off ends there too.
    mutating func closeEntities(above frame: Int, at end: Int, line: Int) {
        while let header = pending { endHeader(at: max(header.start, end)) }
        while tree.frames.count - 1 > frame {
            if tree.frames.last?.kind == .leaf { sampler.close() }
            tree.closeLast(at: end, line: line)
        }
    }

    /// After a delimiter line: the next part's header begins, or the epilogue.
    mutating func passDelimiter(_ place: Int, isClose: Bool) {
        guard place < tree.boundaries.count, !tree.isFull else { return }
        if isClose {
            tree.boundaries.removeLast(tree.boundaries.count - place)
        } else if let parent = tree.frames.last {
            pending = PendingHeader(start: offset, isMessage: false, isDigest: parent.header.subtype == "digest")
        }
    }

    /// Closes what is open and puts the outline together.
    mutating func outline() -> MessageOutline {
        if pending != nil, top == nil { defects.insert(.headerWithoutEnd) }
        closeEntities(above: -1, at: offset, line: lines)
        defects.formUnion(tree.defects)
        let root = tree.root ?? Part(headerRange: 0..<offset, bodyRange: offset..<offset)
        let fields = top?.fields
        let messageID = fields?.messageIDs.first
        return MessageOutline(
            size: offset, headerSize: top?.size ?? offset, lineCount: lines,
            header: top?.octets.map { ByteBuffer(bytes: $0) },
            envelope: fields?.envelope ?? MessageEnvelope(), messageID: messageID,
            references: MessageIdentifiers.merged(
                fields?.references ?? [], fields?.repliedTo ?? [], own: messageID, limit: limits.references),
            sentDate: fields?.sentDate, preview: sampler.preview(), root: root)
    }
}
