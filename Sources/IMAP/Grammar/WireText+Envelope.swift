package import MessageFormat

// ENVELOPE, BODY and BODYSTRUCTURE (RFC 9051 §7.5.2, §9), written from encoded outlines: no value is made in between.
extension WireText {
    package mutating func writeEnvelope(of outline: EncodedOutline, _ mode: TextMode) throws(OutlineCorrupt) {
        try outline.read { (reader) throws(OutlineCorrupt) in
            _ = try reader.head()
            try writeEnvelope(try reader.envelopeView(), mode)
        }
    }

    /// `extended`: BODYSTRUCTURE, with the extension data that BODY leaves out.
    package mutating func writeBodyStructure(of outline: EncodedOutline, extended: Bool, _ mode: TextMode) throws(OutlineCorrupt) {
        try outline.read { (reader) throws(OutlineCorrupt) in
            try reader.skipToRoot()
            try writePart(&reader, PartForm(extended: extended, mode: mode), depth: 0)
        }
    }
}

extension WireText {
    //     envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP
    //                env-bcc SP env-in-reply-to SP env-message-id ")"
    fileprivate mutating func writeEnvelope(_ envelope: EnvelopeView, _ mode: TextMode) throws(OutlineCorrupt) {
        write("(")
        writeHeaderText(envelope.date, mode)
        write(" ")
        writeHeaderText(envelope.subject, mode)
        try writeAddresses(envelope.from, mode)
        try writeAddresses(envelope.sender, mode)
        try writeAddresses(envelope.replyTo, mode)
        try writeAddresses(envelope.to, mode)
        try writeAddresses(envelope.cc, mode)
        try writeAddresses(envelope.bcc, mode)
        write(" ")
        writeHeaderText(envelope.inReplyTo, mode)
        write(" ")
        writeHeaderText(envelope.messageID, mode)
        write(")")
    }

    //     env-from = "(" 1*address ")" / nil
    //     address  = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"
    private mutating func writeAddresses(_ addresses: OutlineList, _ mode: TextMode) throws(OutlineCorrupt) {
        guard !addresses.isEmpty else { return write(" NIL") }
        write(" (")
        try addresses.forEach { (reader) throws(OutlineCorrupt) in
            write("(")
            writeHeaderText(try reader.optionalBytes(), mode)
            for _ in 0..<3 {
                write(" ")
                writeHeaderText(try reader.optionalBytes(), mode)
            }
            write(")")
        }
        write(")")
    }

    //     body = "(" (body-type-1part / body-type-mpart) ")"
    /// As deep as the tree, which the reader bounds.
    fileprivate mutating func writePart(_ reader: inout OutlineReader, _ form: PartForm, depth: Int) throws(OutlineCorrupt) {
        let part = try reader.partView(depth: depth)
        write("(")
        switch part.content {
        case .multipart(let count): try writeMultipart(part, count, &reader, form, depth: depth)
        case .message, .leaf: try writeSinglePart(part, &reader, form, depth: depth)
        }
        write(")")
    }

    //     body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
    //     body-ext-mpart  = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]
    private mutating func writeMultipart(
        _ part: PartView, _ count: Int, _ reader: inout OutlineReader, _ form: PartForm, depth: Int
    ) throws(OutlineCorrupt) {
        for _ in 0..<count { try writePart(&reader, form, depth: depth + 1) }
        write(" ")
        writeHeaderText(part.subtype, form.mode)
        guard form.extended else { return }
        write(" ")
        try writeParameters(part.parameters, form)
        try writeExtension(part, form)
    }

    //     body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]
    //     body-type-basic = media-basic SP body-fields
    //     body-type-msg   = media-message SP body-fields SP envelope SP body SP body-fld-lines
    //     body-type-text  = media-text SP body-fields SP body-fld-lines
    //     body-fields     = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets
    //     body-ext-1part  = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]
    private mutating func writeSinglePart(
        _ part: PartView, _ reader: inout OutlineReader, _ form: PartForm, depth: Int
    ) throws(OutlineCorrupt) {
        if part.showsAsOctetStream {
            write("\"application\" \"octet-stream\"")
        } else {
            writeHeaderText(part.type, form.mode)
            write(" ")
            writeHeaderText(part.subtype, form.mode)
        }
        write(" ")
        try writeParameters(part.parameters, form)
        write(" ")
        writeHeaderText(part.id, form.mode)
        write(" ")
        writeHeaderText(part.description, form.mode)
        write(" ")
        writeHeaderText(part.encoding, form.mode)
        write(" ")
        write(decimal: part.bodyRange.count)
        if case .message = part.content {
            write(" ")
            try writeEnvelope(try reader.envelopeView(), form.mode)
            write(" ")
            try writePart(&reader, form, depth: depth + 1)
            writeLines(part)
        } else if part.isText {
            writeLines(part)
        }
        guard form.extended else { return }
        write(" ")
        writeHeaderText(part.md5, form.mode)
        try writeExtension(part, form)
    }

    private mutating func writeLines(_ part: PartView) {
        write(" ")
        write(decimal: part.lineCount)
    }

    //     body-fld-dsp  = "(" string SP body-fld-param ")" / nil
    //     body-fld-lang = nstring / "(" string *(SP string) ")" ; body-fld-loc = nstring
    private mutating func writeExtension(_ part: PartView, _ form: PartForm) throws(OutlineCorrupt) {
        if let disposition = part.disposition {
            write(" (")
            writeHeaderText(disposition.kind, form.mode)
            write(" ")
            try writeParameters(disposition.parameters, form)
            write(")")
        } else {
            write(" NIL")
        }
        var isFirst = true
        try part.languages.forEach { (reader) throws(OutlineCorrupt) in
            write((isFirst ? " (" : " ") as StaticString)
            isFirst = false
            writeHeaderText(try reader.requiredBytes(), form.mode)
        }
        write((part.languages.isEmpty ? " NIL " : ") ") as StaticString)
        writeHeaderText(part.location, form.mode)
    }

    //     body-fld-param = "(" string SP string *(SP string SP string) ")" / nil
    private mutating func writeParameters(_ parameters: OutlineList, _ form: PartForm) throws(OutlineCorrupt) {
        guard !parameters.isEmpty else { return write("NIL") }
        var isFirst = true
        try parameters.forEach { (reader) throws(OutlineCorrupt) in
            write((isFirst ? "(" : " ") as StaticString)
            isFirst = false
            writeHeaderText(try reader.requiredBytes(), form.mode)
            write(" ")
            writeHeaderText(try reader.requiredBytes(), form.mode)
        }
        write(")")
    }
}

/// How parts are written.
private struct PartForm {
    let extended: Bool
    let mode: TextMode
}
