import MailModel
import MessageFormat
import NIOCore
import Storage

/// What is known of one message.
struct SearchFacts {
    let message: FoundMessage
    let findings: SearchFindings
    /// Nil: not known yet; nil within: it has none.
    var sentDate: MessageDate??
    var header: ByteBuffer?
    /// The needles of `body` and `text` that are in the body's texts; nil: not looked for yet.
    var inBody: Set<SearchNeedle>?
    /// Those that texts have told.
    var scores: [SearchProgram.Alike: UInt8] = [:]

    init(_ message: FoundMessage, _ findings: SearchFindings) {
        self.message = message
        self.findings = findings
    }

    func truth(of test: SearchProgram.Test) -> Truth {
        switch test {
        case .constant(let value): Truth(value)
        case .all(let tests): truth(ofAll: tests)
        case .either(let a, let b): truth(ofEither: a, b)
        case .not(let test): !truth(of: test)
        case .places(let set): Truth(set.contains(UInt32(clamping: message.place + 1)))
        case .uids(let set): Truth(set.contains(message.row.uid))
        case .flags(let bits): Truth(message.row.flags.rawValue & bits.rawValue == bits.rawValue)
        case .dates(let range): Truth(range.contains(message.row.internalDate.rawValue))
        case .sizes(let range): Truth(range.contains(UInt64(message.row.size)))
        case .changedSince(let modSeq): Truth(message.row.modSeq >= modSeq)
        case .email(let body): Truth(message.row.body == body)
        case .sent(let days): truth(ofSent: days)
        case .field(let name, let needle): truth(ofField: name, needle)
        case .address(let field, let needle): truth(ofAddress: field, needle)
        case .body(let needle): truth(ofBody: needle)
        case .text(let needle): truth(ofText: needle)
        case .alike(let alike): score(alike).map { Truth($0 > 0) } ?? .unknown
        }
    }

    private func truth(ofAll tests: [SearchProgram.Test]) -> Truth {
        var result = Truth.yes
        for test in tests {
            switch truth(of: test) {
            case .no: return .no
            case .unknown: result = .unknown
            case .yes: break
            }
        }
        return result
    }

    private func truth(ofEither a: SearchProgram.Test, _ b: SearchProgram.Test) -> Truth {
        let first = truth(of: a)
        if first == .yes { return .yes }
        let second = truth(of: b)
        if second == .yes { return .yes }
        return first == .unknown || second == .unknown ? .unknown : .no
    }

    private func truth(ofSent days: DaySpan) -> Truth {
        guard let sentDate else { return .unknown }
        guard let date = sentDate else { return .no }
        return Truth(days.contains(CalendarDay(of: date.timestamp, offset: date.offset)))
    }

    private func truth(ofField name: String, _ needle: SearchNeedle) -> Truth {
        // The index knows of whole headers: where it has no such text, the field has none.
        if !needle.isEmpty, findings.holds(SearchQuestion(needle, in: .header), message.row.body) == false { return .no }
        guard let header else { return .unknown }
        return Truth(SearchableText.anyField(name, of: header) { needle.isIn(folded: $0) })
    }

    /// The field's text has it, or one of its addresses written out (RFC 9051 §6.4.4, §7.5.2).
    private func truth(ofAddress field: String, _ needle: SearchNeedle) -> Truth {
        // The index knows words, and what may stand within an address, blanks and comments, parts none.
        let inText = truth(ofField: field, needle)
        guard inText == .no, let header, findings.holds(SearchQuestion(needle, in: .header), message.row.body) != false else { return inText }
        return Truth(SearchableText.anyAddress(field, of: header) { needle.isIn(folded: $0) })
    }

    private func truth(ofBody needle: SearchNeedle) -> Truth {
        if let inBody { return Truth(inBody.contains(needle)) }
        if needle.isEmpty { return .yes }
        return findings.holds(SearchQuestion(needle, in: .body), message.row.body).map { Truth($0) } ?? .unknown
    }

    private func truth(ofText needle: SearchNeedle) -> Truth {
        if needle.isEmpty { return .yes }
        if let holds = findings.holds(SearchQuestion(needle, in: [.header, .body]), message.row.body) { return Truth(holds) }
        if inBody?.contains(needle) == true { return .yes }
        guard let header else { return .unknown }
        var folded: [UInt8] = []
        SearchableText.fold(header: header, into: &folded)
        if needle.isIn(folded: folded) { return .yes }
        return inBody == nil ? .unknown : .no
    }

    mutating func readTexts(
        _ outline: MessageOutline, for test: SearchProgram.Test, _ mailroom: Mailroom, _ mailbox: OpenMailbox
    ) async throws {
        var wanted = test.needles
        let alikes = test.allAlikes.filter { score($0) == nil }
        var best = Dictionary(uniqueKeysWithValues: alikes.map { ($0, [UInt8](repeating: 0, count: $0.needle.words.count)) })
        // The empty text is in every body.
        var found = wanted.filter(\.isEmpty)
        wanted.subtract(found)
        let row = message.row
        func visit(_ folded: [UInt8]) -> Bool {
            for needle in wanted where needle.isIn(folded: folded) { found.insert(needle) }
            wanted.subtract(found)
            for alike in alikes { alike.needle.score(in: folded, &best[alike, default: []]) }
            return !wanted.isEmpty || !alikes.isEmpty
        }
        let isSettled = wanted.isEmpty && alikes.isEmpty
        let texts = SearchableText(outline, overlap: (wanted.map(\.octets.count).max() ?? 1) - 1)
        if !isSettled, outline.size <= SearchableText.readSize {
            let whole = try await mailroom.read(nil, of: row, in: mailbox)
            texts.forEach(readNow: { whole.getSlice(at: whole.readerIndex + $0.lowerBound, length: $0.count) ?? ByteBuffer() }, visit: visit)
        } else if !isSettled {
            try await texts.forEach(
                read: { range in
                    await Task.yield()
                    return try await mailroom.read(range, of: row, in: mailbox)
                }, visit: visit)
        }
        inBody = found
        guard !alikes.isEmpty, let header else { return }
        var folded: [UInt8] = []
        SearchableText.fold(header: header, into: &folded)
        for (alike, likeness) in best {
            var likeness = likeness
            if alike.zones.contains(.header) { alike.needle.score(in: folded, &likeness) }
            scores[alike] = alike.needle.score(likeness)
        }
    }
}
