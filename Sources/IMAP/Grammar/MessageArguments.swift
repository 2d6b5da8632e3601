package import MailModel

/// STORE's (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
package struct StoreArguments: CommandArguments {
    package enum Operation: Hashable, Sendable {
        case replace
        case add
        case remove
    }

    package var set: SequenceSet
    /// 0 is a legal value: every message that ever changed fails it.
    package var unchangedSince: ModSeq?
    package var operation: Operation
    package var silent: Bool
    package var flags: Flags

    package init(
        set: SequenceSet, unchangedSince: ModSeq? = nil, operation: Operation, silent: Bool = false, flags: Flags
    ) {
        self.set = set
        self.unchangedSince = unchangedSince
        self.operation = operation
        self.silent = silent
        self.flags = flags
    }

    package var kind: CommandKind { .change }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> StoreArguments { try reader.storeArguments() }
}

/// COPY's and MOVE's (RFC 9051 §6.4.7, §6.4.8).
package struct CopyArguments: CommandArguments {
    package let set: SequenceSet
    package let target: MailboxArgument

    package init(_ set: SequenceSet, to target: MailboxArgument) {
        self.set = set
        self.target = target
    }

    //     copy = "COPY" SP sequence-set SP mailbox ; move = "MOVE" SP sequence-set SP mailbox
    package var kind: CommandKind { .change }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> CopyArguments {
        let set = try reader.sequenceSet()
        try reader.space()
        return CopyArguments(set, to: try reader.mailbox())
    }
}

/// Alone, the arguments of UID EXPUNGE (RFC 4315 §2.1).
extension SequenceSet: CommandArguments {
    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> SequenceSet { try reader.sequenceSet() }
}

extension FetchArguments: CommandArguments {
    package var kind: CommandKind { .fetch }

    static func read(_ reader: inout ArgumentReader) throws(SyntaxError) -> FetchArguments { try reader.fetchArguments() }
}
