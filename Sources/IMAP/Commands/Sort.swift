import MailModel
import NIOCore
import PostOffice
import Storage

// SORT (RFC 5256 §3; RFC 5267 §3 ESORT; RFC 5957; RFC 7162 §3.1.6).
extension Errand {
    mutating func sort(_ arguments: SortArguments, _ numbering: Numbering) async throws -> Answer {
        if arguments.search.returns?.contains(.relevancy) ?? false { return .bad("RELEVANCY is for SEARCH") }
        do {
            var found = try await found(by: arguments.search)
            let table = try await table(of: &found, by: arguments.criteria)
            let (sorted, order) = try await burn(found.count) { [found] errand in
                let order = table.order()
                let sorted = order.map { found[$0] }
                errand.keep(sorted, arguments.search)
                errand.report(sorted, arguments.search, numbering)
                return (sorted, order)
            }
            try await flushIfFull()
            if let problem { return problem }
            if arguments.search.isUpdated { try await update(sorted, order, table, arguments, numbering) }
            return .ok("SORT done")
        } catch {
            forgetSaved(arguments.search)
            throw error
        }
    }

    /// Without messages that cannot be read: they are taken out of `found`.
    private mutating func table(of found: inout [Match], by criteria: [SortArguments.Criterion]) async throws -> SortTable {
        let view = try selectedView()
        var table = SortTable(criteria, capacity: found.count)
        if criteria.contains(where: \.key.needsOutline) {
            var readable: [Match] = []
            readable.reserveCapacity(found.count)
            for batch in found.batches(of: Errand.sortBatch) {
                readable += try await addReadable(batch, to: &table, view)
                try await tellProgress(batch.endIndex, of: found.count)
            }
            found = readable
        } else {
            table = try await burn(found.count) { [table, found] _ in
                var table = table
                for match in found { try table.append(match.row, nil) }
                return table
            }
        }
        return table
    }

    private mutating func addReadable(_ batch: ArraySlice<Match>, to table: inout SortTable, _ view: MailboxView) async throws -> [Match] {
        let count = table.count
        do {
            try await Errand.add(batch, to: &table, mailroom, view.mailbox)
            return Array(batch)
        } catch {
            guard Errand.isOfMessages(error) else { throw error }
            table.cut(to: count)
        }
        var readable: [Match] = []
        for match in batch {
            let count = table.count
            do {
                try await Errand.add([match], to: &table, mailroom, view.mailbox)
                readable.append(match)
            } catch {
                table.cut(to: count)
                try leaveOut(match.row, error)
            }
        }
        return readable
    }

    /// Outlines that are held at a time; their keys are worked out in less than a millisecond.
    static let sortBatch = 256

    static func add(
        _ batch: ArraySlice<Match>, to table: inout SortTable, _ mailroom: Mailroom, _ mailbox: OpenMailbox
    ) async throws {
        try Task.checkCancellation()
        let outlines = try await mailroom.encodedOutlines(of: batch.map(\.row), in: mailbox)
        for (match, outline) in zip(batch, outlines) {
            do {
                try table.append(match.row, outline)
            } catch {
                throw StorageFault.corrupt("outline of body \(match.row.body.rawValue): \(error)")
            }
        }
        // When all were at hand, nothing was waited for.
        await Task.yield()
    }

    private mutating func report(_ sorted: [Match], _ arguments: SearchArguments, _ numbering: Numbering) {
        let numbers = sorted.map { $0.told(numbering) }
        let modSeq = arguments.key.asksModSeq ? modSeq(of: sorted, arguments) : nil
        guard let returns = arguments.returns else { return output.writeSort(numbers, modSeq: modSeq) }
        guard returns != .save || arguments.partial != nil else { return }
        // RFC 5267 §3.1: the first and the last are those of the order.
        var result = ExtendedSearchResult()
        if returns.contains(.min) { result.min = numbers.first }
        if returns.contains(.max) { result.max = numbers.last }
        if returns.contains(.all) { result.sorted = numbers }
        if returns.contains(.count) { result.count = numbers.count }
        result.partial = arguments.partial.map { PartialResult(range: $0, numbers: Array(numbers[$0.places(of: numbers.count)])) }
        result.modSeq = modSeq
        output.writeExtendedSearch(result, tag: job.tag, numbering)
    }
}

extension Array {
    /// Its elements in runs of `size`, the last one shorter.
    func batches(of size: Int) -> some Sequence<ArraySlice<Element>> {
        stride(from: 0, to: count, by: size).lazy.map { self[$0..<Swift.min($0 + size, count)] }
    }
}
