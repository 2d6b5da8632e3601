import MailModel
import PostOffice

extension VerbTable {
    /// §6.4.1, §6.4.2; RFC 3501 §6.4.1.
    static let selected: [VerbRow] = [
        .answered("CHECK", .selected, news: .all, NoArguments.read) { _, _, _ in },
        // Whoever lost the right to see the mailbox may leave it all the same.
        .execution("CLOSE", .selected, .none, .asWished, .none, NoArguments.read) { execution, _ in try await execution.close() },
        .answered("UNSELECT", .selected, capabilities: [Capability("UNSELECT", rfc: 3691)], NoArguments.read) { session, _, _ in session.unselect() },
    ]

    /// §6.4.3, §6.4.5-§6.4.9; RFC 4315, RFC 6851, RFC 8508.
    static let messages: [VerbRow] = [
        .execution("EXPUNGE", .selected, .none, .all, .selected(.expunge), NoArguments.read) { execution, _ in try await execution.expunge(nil) },
        .execution("UID EXPUNGE", .selected, .uids, .all, .selected(.expunge), capabilities: [Capability("UIDPLUS", rfc: 4315)], SequenceSet.read) {
            try await $0.expunge($1)
        },
        .execution("FETCH", .selected, .numbersThatHold, .asWished, .toLook, FetchArguments.read) { try await $0.fetch($1, .sequence) },
        .execution("UID FETCH", .selected, .uids, .asWished, .toLook, FetchArguments.read) { try await $0.fetch($1, .uid) },
        .execution("STORE", .selected, .numbersThatHold, .asWished, .toLook, StoreArguments.read) { try await $0.store($1, .sequence) },
        .execution("UID STORE", .selected, .uids, .asWished, .toLook, StoreArguments.read) { try await $0.store($1, .uid) },
        .execution("COPY", .selected, .numbers, .asWished, .toCopy, CopyArguments.read) { try await $0.copy($1.set, to: $1.target, .sequence) },
        .execution("UID COPY", .selected, .uids, .asWished, .toCopy, CopyArguments.read) { try await $0.copy($1.set, to: $1.target, .uid) },
        .execution("MOVE", .selected, .numbers, .all, .toMove, capabilities: [Capability("MOVE", rfc: 6851)], CopyArguments.read) {
            try await $0.move($1.set, to: $1.target, .sequence)
        },
        .execution("UID MOVE", .selected, .uids, .all, .toMove, CopyArguments.read) { try await $0.move($1.set, to: $1.target, .uid) },
        .stream("REPLACE", .replace, .selected, .numbers, .all, .toMove, capabilities: [Capability("REPLACE", rfc: 8508)]),
        .stream("UID REPLACE", .replace, .selected, .uids, .all, .toMove),
    ]

    /// §6.4.4; RFC 5256, RFC 5267, RFC 7377.
    static let searches: [VerbRow] = [
        .execution("SEARCH", .selected, .numbersThatHold, .asWished, .toLook, SearchArguments.read) { try await $0.search($1, .sequence) },
        .execution("UID SEARCH", .selected, .uids, .asWished, .toLook, SearchArguments.read) { try await $0.search($1, .uid) },
        .execution("SORT", .selected, .numbersThatHold, .asWished, .toLook, capabilities: [Capability("SORT", rfc: 5256)], SortArguments.read) {
            try await $0.sort($1, .sequence)
        },
        .execution("UID SORT", .selected, .uids, .asWished, .toLook, SortArguments.read) { try await $0.sort($1, .uid) },
        .execution(
            "THREAD", .selected, .numbersThatHold, .asWished, .toLook,
            // The last is draft-ietf-morg-inthread's.
            capabilities: [
                Capability("THREAD=ORDEREDSUBJECT", rfc: 5256), Capability("THREAD=REFERENCES", rfc: 5256), Capability("THREAD=REFS", rfc: 5256),
            ], ThreadArguments.read
        ) { try await $0.thread($1, .sequence) },
        .execution("UID THREAD", .selected, .uids, .asWished, .toLook, ThreadArguments.read) { try await $0.thread($1, .uid) },
        // Of a mailbox that may not be read nothing is told (RFC 7377 §2.2): its rights hang on its arguments.
        .execution("ESEARCH", .loggedIn, .none, .asWished, .none, capabilities: [Capability("MULTISEARCH", rfc: 7377)], MultiSearchArguments.read) {
            try await $0.multiSearch($1)
        },
        .execution("UIDBATCHES", .selected, .uids, .asWished, .toLook, capabilities: [Capability("UIDBATCHES", rfc: 10022)], BatchArguments.read) {
            try await $0.uidBatches($1)
        },
        .answered("CANCELUPDATE", .selected, CancelUpdateArguments.read) { session, arguments, _ in session.withSelection { $0.contexts.cancel(arguments.tags) } },
    ]
}
