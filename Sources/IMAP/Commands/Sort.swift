import MailModel
import NIOCore
import PostOffice
import Storage

// SORT (RFC 5256 §3; RFC 5267 §3 ESORT; RFC 5957; RFC 7162 §3.1.6).
extension CommandExecution {
    mutating func sort(_ arguments: SortArguments, _ numbering: Numbering) async throws -> StatusResponse {
        if arguments.search.returns?.contains(.relevancy) ?? false { return .bad("RELEVANCY is for SEARCH") }
        do {
            let found = try await found(by: arguments.search)
            let view = try selectedView()
            let criteria = arguments.criteria.map(\.criterion)
            var sorting = MessageSorting(criteria, capacity: found.count)
            for batch in found.batches(of: sorting.batch) {
                for message in try await sorting.add(batch, mailroom, view.mailbox) { try leaveOut(message) }
                try await tellProgress(batch.endIndex, of: found.count)
            }
            let order = try await burn(sorting.messages.count) { [sorting] execution in
                let order = sorting.order()
                let sorted = order.map { sorting.messages[$0] }
                execution.keep(sorted, arguments.search)
                execution.report(sorted, arguments.search, numbering)
                return order
            }
            try await flushIfFull()
            if let problem { return problem }
            if arguments.search.isUpdated { try await update(sorting, order, criteria, arguments, numbering) }
            return .ok("SORT done")
        } catch {
            forgetSaved(arguments.search)
            throw error
        }
    }

    private mutating func report(_ sorted: [FoundMessage], _ arguments: SearchArguments, _ numbering: Numbering) {
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

extension SortArguments.Criterion {
    var criterion: SortCriterion { SortCriterion(key.sortKey, isReversed: isReversed) }
}

extension SortArguments.Key {
    fileprivate var sortKey: SortKey {
        switch self {
        case .arrival: .arrival
        case .cc: .cc
        case .date: .date
        case .from: .from
        case .size: .size
        case .subject: .subject
        case .to: .to
        case .displayFrom: .displayFrom
        case .displayTo: .displayTo
        }
    }
}
