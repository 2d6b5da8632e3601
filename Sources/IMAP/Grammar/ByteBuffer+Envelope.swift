package import MessageFormat
package import NIOCore

// ENVELOPE, BODY and BODYSTRUCTURE (RFC 9051 §7.5.2, §9).
extension ByteBuffer {
    //     envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP
    //                env-bcc SP env-in-reply-to SP env-message-id ")"
    package mutating func writeEnvelope(_ envelope: Envelope, _ mode: TextMode) {
        write("(")
        writeHeaderText(envelope.date, mode)
        write(" ")
        writeHeaderText(envelope.subject, mode)
        writeAddresses(envelope.from, mode)
        writeAddresses(envelope.sender, mode)
        writeAddresses(envelope.replyTo, mode)
        writeAddresses(envelope.to, mode)
        writeAddresses(envelope.cc, mode)
        writeAddresses(envelope.bcc, mode)
        write(" ")
        writeHeaderText(envelope.inReplyTo, mode)
        write(" ")
        writeHeaderText(envelope.messageID, mode)
        write(")")
    }

    //     env-from = "(" 1*address ")" / nil
    //     address  = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"
    private mutating func writeAddresses(_ addresses: [EnvelopeAddress], _ mode: TextMode) {
        guard !addresses.isEmpty else { return write(" NIL") }
        write(" (")
        for address in addresses {
            write("(")
            writeHeaderText(address.displayName, mode)
            write(" ")
            writeHeaderText(address.route, mode)
            write(" ")
            writeHeaderText(address.mailbox, mode)
            write(" ")
            writeHeaderText(address.host, mode)
            write(")")
        }
        write(")")
    }

    //     body = "(" (body-type-1part / body-type-mpart) ")"
    /// `extended`: BODYSTRUCTURE, with the extension data that BODY leaves out. As deep as the tree, which the scanner
    /// bounds.
    package mutating func writeBodyStructure(_ part: Part, extended: Bool, _ mode: TextMode) {
        write("(")
        if case .multipart(let parts) = part.content {
            writeMultipart(part, parts, extended: extended, mode)
        } else {
            writeSinglePart(part, extended: extended, mode)
        }
        write(")")
    }

    //     body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
    //     body-ext-mpart  = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]
    private mutating func writeMultipart(_ part: Part, _ parts: [Part], extended: Bool, _ mode: TextMode) {
        if parts.isEmpty { write("(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)") }
        for child in parts { writeBodyStructure(child, extended: extended, mode) }
        write(" ")
        writeHeaderText(part.subtype, mode)
        guard extended else { return }
        write(" ")
        writeParameters(part.parameters, mode)
        writeExtension(part, mode)
    }

    //     body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]
    //     body-type-basic = media-basic SP body-fields
    //     body-type-msg   = media-message SP body-fields SP envelope SP body SP body-fld-lines
    //     body-type-text  = media-text SP body-fields SP body-fld-lines
    //     body-fields     = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets
    //     body-ext-1part  = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]
    private mutating func writeSinglePart(_ part: Part, extended: Bool, _ mode: TextMode) {
        let media = part.structureType
        writeHeaderText(media.type, mode)
        write(" ")
        writeHeaderText(media.subtype, mode)
        write(" ")
        writeParameters(part.parameters, mode)
        write(" ")
        writeHeaderText(part.id, mode)
        write(" ")
        writeHeaderText(part.description, mode)
        write(" ")
        writeHeaderText(part.encoding, mode)
        write(" ")
        writeDecimal(part.bodyRange.count)
        if case .message(let message) = part.content {
            write(" ")
            writeEnvelope(message.envelope, mode)
            write(" ")
            writeBodyStructure(message.root, extended: extended, mode)
            writeLines(part)
        } else if part.isText {
            writeLines(part)
        }
        guard extended else { return }
        write(" ")
        writeHeaderText(part.md5, mode)
        writeExtension(part, mode)
    }

    private mutating func writeLines(_ part: Part) {
        write(" ")
        writeDecimal(part.lineCount)
    }

    //     body-fld-dsp  = "(" string SP body-fld-param ")" / nil
    //     body-fld-lang = nstring / "(" string *(SP string) ")" ; body-fld-loc = nstring
    private mutating func writeExtension(_ part: Part, _ mode: TextMode) {
        if let disposition = part.disposition {
            write(" (")
            writeHeaderText(disposition.kind, mode)
            write(" ")
            writeParameters(disposition.parameters, mode)
            write(")")
        } else {
            write(" NIL")
        }
        for (index, language) in part.languages.enumerated() {
            write(index == 0 ? " (" : " ")
            writeHeaderText(language, mode)
        }
        write(part.languages.isEmpty ? " NIL " : ") ")
        writeHeaderText(part.location, mode)
    }

    //     body-fld-param = "(" string SP string *(SP string SP string) ")" / nil
    private mutating func writeParameters(_ parameters: [Parameter], _ mode: TextMode) {
        guard !parameters.isEmpty else { return write("NIL") }
        for (index, parameter) in parameters.enumerated() {
            write(index == 0 ? "(" : " ")
            writeHeaderText(parameter.name, mode)
            write(" ")
            writeHeaderText(parameter.value, mode)
        }
        write(")")
    }
}
