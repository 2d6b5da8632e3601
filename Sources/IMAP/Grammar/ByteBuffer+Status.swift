import MailModel
package import NIOCore

// Status responses (RFC 9051 §7.1) and continuation requests (§7.6).
extension ByteBuffer {
    //     response-tagged = tag SP resp-cond-state CRLF ; resp-cond-state = ("OK" / "NO" / "BAD") SP resp-text
    /// `tag` nil: untagged. `text` should be ASCII; what cannot stand in it becomes "?".
    package mutating func writeResponse(_ tag: Tag?, _ condition: Condition, _ code: ResponseCode?, _ text: String) {
        if let tag { writeString(tag.value) } else { write("*") }
        write(" ")
        writeString(condition.rawValue)
        writeText(code, text)
    }

    package mutating func writeResponse(_ tag: Tag?, _ condition: Condition, _ text: String) {
        writeResponse(tag, condition, nil, text)
    }

    //     resp-cond-bye = "BYE" SP resp-text
    package mutating func writeBye(_ text: String, _ code: ResponseCode? = nil) {
        write("* BYE")
        writeText(code, text)
    }

    //     continue-req = "+" SP (resp-text / base64) CRLF
    package mutating func writeContinuation(_ text: String) {
        write("+")
        writeText(nil, text)
    }

    //     resp-text = ["[" resp-text-code "]" SP] [text] ; text = 1*TEXT-CHAR
    private mutating func writeText(_ code: ResponseCode?, _ text: String) {
        write(" ")
        if let code {
            write("[")
            write(code)
            write("] ")
        }
        guard !text.isEmpty else { return write("-\r\n") }
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
            writeString(text)
        } else {
            writeBytes(
                text.unicodeScalars.map {
                    (0x20...0x7E).contains($0.value) ? UInt8(truncatingIfNeeded: $0.value) : UInt8(ascii: "?")
                })
        }
        write("\r\n")
    }

    //     capability-data = "CAPABILITY" *(SP capability) SP "IMAP4rev2" *(SP capability)
    package mutating func writeCapabilities(_ names: [String]) { writeLine("* CAPABILITY", names) }

    //     enable-data = "ENABLED" *(SP capability)
    package mutating func writeEnabled(_ names: [String]) { writeLine("* ENABLED", names) }

    private mutating func writeLine(_ start: StaticString, _ names: [String]) {
        write(start)
        for name in names {
            write(" ")
            writeString(name)
        }
        write("\r\n")
    }

    //     id-response = "ID" SP id-params-list                                       ; RFC 2971 §4
    /// NIL for no fields.
    package mutating func writeID(_ fields: [IDField], _ mode: TextMode) {
        write("* ID ")
        if fields.isEmpty { write("NIL") }
        for (index, field) in fields.enumerated() {
            write(index == 0 ? "(" : " ")
            writeString(field.field, mode)
            write(" ")
            writeNString(field.value, mode)
        }
        write(fields.isEmpty ? "\r\n" : ")\r\n")
    }
}
