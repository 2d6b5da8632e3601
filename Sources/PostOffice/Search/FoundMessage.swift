package import Storage

/// A message that a search has found.
package struct FoundMessage: Sendable {
    /// Its place in the rows that were searched, from 0 on.
    package let place: Int
    /// As the mailbox has it now, or had it last.
    package let row: MessageRow
    /// 1...100: how well it matches what was looked for approximately (RFC 6203 §4).
    package internal(set) var relevancy: UInt8 = 100

    package init(place: Int, row: MessageRow) {
        self.place = place
        self.row = row
    }
}

/// A message that a search, a sort or a threading had to leave out, though it might belong to the result.
package struct UnreadableMessage: Sendable {
    package let row: MessageRow
    /// `corrupt` or `unavailable`.
    package let fault: StorageFault

    /// Nil where the error is not about this message, so that others cannot be read either.
    init?(_ row: MessageRow, _ error: any Error) {
        guard let fault = error as? StorageFault, fault.isOfMessages else { return nil }
        self.row = row
        self.fault = fault
    }
}

extension StorageFault {
    /// Whether it is about the messages that were asked for, so that others may be read all the same.
    var isOfMessages: Bool {
        switch self {
        case .corrupt, .unavailable: true
        default: false
        }
    }
}

extension Array {
    /// Its elements in runs of `size`, the last one shorter.
    package func batches(of size: Int) -> some Sequence<ArraySlice<Element>> {
        stride(from: 0, to: count, by: size).lazy.map { self[$0..<Swift.min($0 + size, count)] }
    }
}
