package import MailModel
package import NIOCore

/// The answer to a SEARCH with RETURN, or on IMAP4rev2 (RFC 9051 §7.3.4). What is nil is not written.
package struct ExtendedSearchResult: Hashable, Sendable {
    package var min: UInt32?
    package var max: UInt32?
    /// Not written when empty.
    package var all: NumberSet?
    /// All, in the order of a SORT (RFC 5267 §3.2); not written when empty.
    package var sorted: [UInt32] = []
    /// Of which mailbox, in the answer to ESEARCH.
    package var mailbox: Mailbox?
    /// RFC 9394 §3.1.
    package var partial: PartialResult?
    package var count: Int?
    package var modSeq: ModSeq?
    /// 1...100 for each that was found, in order; written with `all` only (RFC 6203 §4).
    package var relevancy: [UInt8] = []

    /// RFC 7377 §2.1.
    package struct Mailbox: Hashable, Sendable {
        package let name: MailboxName
        package let uidValidity: UIDValidity

        package init(name: MailboxName, uidValidity: UIDValidity) {
            self.name = name
            self.uidValidity = uidValidity
        }
    }

    package init(
        min: UInt32? = nil, max: UInt32? = nil, all: NumberSet? = nil, count: Int? = nil, modSeq: ModSeq? = nil
    ) {
        self.min = min
        self.max = max
        self.all = all
        self.count = count
        self.modSeq = modSeq
    }
}

// What is told of the selected mailbox (RFC 9051 §7.3.4-§7.5.1).
extension ByteBuffer {
    //     message-data = nz-number SP ("EXPUNGE" / ("FETCH" SP msg-att)) ; mailbox-data =/ number SP "EXISTS"
    package mutating func writeExists(_ count: Int) { writeCounted(count, " EXISTS\r\n") }

    /// RFC 3501 §7.3.2.
    package mutating func writeRecent(_ count: Int) { writeCounted(count, " RECENT\r\n") }

    package mutating func writeExpunge(_ sequence: UInt32) { writeCounted(sequence, " EXPUNGE\r\n") }

    private mutating func writeCounted(_ number: some FixedWidthInteger, _ name: StaticString) {
        write("* ")
        writeDecimal(number)
        write(name)
    }

    //     expunged-resp = "VANISHED" [SP "(EARLIER)"] SP known-uids                   ; RFC 7162 §7
    package mutating func writeVanished(_ uids: NumberSet, earlier: Bool = false) {
        guard !uids.isEmpty else { return }
        write(earlier ? "* VANISHED (EARLIER) " : "* VANISHED ")
        writeNumbers(uids)
        write("\r\n")
    }

    //     mailbox-data =/ "FLAGS" SP flag-list
    package mutating func writeFlagsLine(_ system: SystemFlags, _ keywords: [Keyword]) {
        write("* FLAGS ")
        writeFlags(system, keywords)
        write("\r\n")
    }

    //     mailbox-data =/ "SEARCH" [1*(SP nz-number) SP search-sort-mod-seq]          ; RFC 3501 §7.2.5, RFC 7162 §7
    package mutating func writeSearch(_ numbers: NumberSet, modSeq: ModSeq? = nil) {
        write("* SEARCH")
        for number in numbers.numbers {
            write(" ")
            writeDecimal(number)
        }
        if let modSeq, !numbers.isEmpty {
            write(" (MODSEQ ")
            writeDecimal(modSeq.rawValue)
            write(")")
        }
        write("\r\n")
    }

    //     esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)
    //     search-correlator = SP "(" "TAG" SP tag-string ")"
    //     one-correlator =/ "MAILBOX" SP astring / "UIDVALIDITY" SP nz-number        ; RFC 7377 §4
    package mutating func writeExtendedSearch(
        _ result: ExtendedSearchResult, tag: Tag, _ numbering: Numbering, _ mode: TextMode = .ascii
    ) {
        write("* ESEARCH (TAG ")
        writeString(tag.value, .ascii)
        if let mailbox = result.mailbox {
            write(" MAILBOX ")
            writeMailbox(mailbox.name, mode)
            write(" UIDVALIDITY ")
            writeDecimal(mailbox.uidValidity.rawValue)
        }
        write(numbering == .uid ? ") UID" : ")")
        if let min = result.min { writeResult(" MIN ", min) }
        if let max = result.max { writeResult(" MAX ", max) }
        if let count = result.count { writeResult(" COUNT ", count) }
        if let all = result.all, !all.isEmpty {
            write(" ALL ")
            writeNumbers(all)
        }
        if !result.sorted.isEmpty {
            write(" ALL ")
            writeOrdered(result.sorted)
        }
        if let partial = result.partial { writePartial(partial) }
        if let modSeq = result.modSeq { writeResult(" MODSEQ ", modSeq.rawValue) }
        writeRelevancy(result.relevancy)
        write("\r\n")
    }

    //     search-return-data =/ "RELEVANCY" SP score-list ; score-list = "(" [score *(SP score)] ")"   ; RFC 6203 §7
    private mutating func writeRelevancy(_ scores: [UInt8]) {
        guard !scores.isEmpty else { return }
        for (index, score) in scores.enumerated() { writeResult(index == 0 ? " RELEVANCY (" : " ", score) }
        write(")")
    }

    private mutating func writeResult(_ name: StaticString, _ number: some FixedWidthInteger) {
        write(name)
        writeDecimal(number)
    }
}
