import MailModel
import NIOCore

/// How the results of a search have changed (RFC 5267 §4.3.2): what leaves, then what joins.
struct ContextUpdate: Hashable, Sendable {
    /// Results that lie side by side in the context, in its order.
    struct Run: Hashable, Sendable {
        /// From 1 on: of the first of them when the runs before are applied. 0 for a SEARCH, whose order is the mailbox's.
        var position: Int
        /// UIDs or sequence numbers; not empty.
        var numbers: [UInt32]
    }

    var removed: [Run] = []
    var added: [Run] = []

    var isEmpty: Bool { removed.isEmpty && added.isEmpty }
}

extension ByteBuffer {
    //     search-return-data  =/ ret-data-partial / ret-data-addto / ret-data-removefrom     ; RFC 5267 §5
    //     ret-data-addto      = "ADDTO" SP "(" context-position SP sequence-set *(SP context-position SP sequence-set) ")"
    //     ret-data-removefrom = "REMOVEFROM" SP "(" context-position SP sequence-set *(SP context-position SP sequence-set) ")"
    mutating func writeUpdate(_ update: ContextUpdate, tag: Tag, _ numbering: Numbering) {
        guard !update.isEmpty else { return }
        write("* ESEARCH (TAG ")
        writeString(tag.value, .ascii)
        write(numbering == .uid ? ") UID" : ")")
        writeRuns(" REMOVEFROM (", update.removed)
        writeRuns(" ADDTO (", update.added)
        write("\r\n")
    }

    private mutating func writeRuns(_ name: StaticString, _ runs: [ContextUpdate.Run]) {
        guard !runs.isEmpty else { return }
        for (index, run) in runs.enumerated() {
            write(index == 0 ? name : " ")
            writeDecimal(run.position)
            write(" ")
            writeOrdered(run.numbers)
        }
        write(")")
    }
}

/// CANCELUPDATE's (RFC 5267 §4.3.5).
package struct CancelUpdateArguments: CommandArguments {
    /// Of searches, 1...100.
    package let tags: [String]

    package init(_ tags: [String]) { self.tags = tags }

    //     command-select =/ "CANCELUPDATE" 1*(SP quoted)                             ; RFC 5267 §5
    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> CancelUpdateArguments {
        var tags: [String] = []
        repeat {
            guard tags.count < 100 else { throw SyntaxError("List too long") }
            tags.append(try ArgumentReader.text(try reader.string()))
        } while reader.scanner.take(0x20)
        return CancelUpdateArguments(tags)
    }
}
