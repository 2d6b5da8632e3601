import MailModel
import PostOffice
import Storage

// STORE (RFC 9051 §6.4.6; RFC 7162 §3.1.3).
extension CommandExecution {
    mutating func store(_ arguments: StoreArguments, _ numbering: Numbering) async throws -> StatusResponse {
        let view = try selectedView()
        guard !view.isReadOnly else { return .readOnly }
        let places = try await withRows(of: view) { try limited(view.places(of: arguments.set, numbering), of: view) }
        let uids = try await uids(at: places, of: view)
        if arguments.unchangedSince != nil { enableModSeqs() }
        guard !uids.isEmpty else { return .ok("STORE done") }
        let isPartlyGone = numbering == .sequence ? try await find(at: places, of: view) { try view.lacksSome(of: uids) } : false
        let changed = try await mailroom.change(
            arguments.change, of: uids, in: view.mailbox, unchangedSince: arguments.unchangedSince)
        try await report(changed, arguments, numbering)
        if !changed.refused.isEmpty {
            let refused = numbering == .uid ? changed.refused : try await withRows(of: view) { try view.numbers(of: changed.refused) }
            return .ok("Some have changed meanwhile", .modified(refused))
        }
        return isPartlyGone ? .expungeIssued : .ok("STORE done")
    }

    /// A FETCH answer for each message that was stored. Silent: only its ModSeq, where CONDSTORE is on, and nothing where the flags are what
    /// the client expects; what else happened to them is told as news.
    private mutating func report(_ changed: FlagsChanged, _ arguments: StoreArguments, _ numbering: Numbering) async throws {
        guard let live = view?.current else { return }
        let dialect = dialect
        tellNewKeywords(live.keywords)
        guard var view else { return }
        let mask = arguments.change.mask(live.keywords)
        let places = try await withRows(of: view) { [view] in
            let places = try view.places(ofUIDs: changed.stored)
            try view.rows.require(places)
            return places
        }
        var looked = 0
        for range in places {
            for index in range {
                looked += 1
                if looked.isMultiple(of: CommandExecution.fewMessages) {
                    self.view = view
                    await Task.yield()
                }
                guard let known = try view.rows.row(at: index), let row = try live.row(known.uid) else { continue }
                if arguments.silent {
                    guard row.flags == mask.applied(to: known.flags) else { continue }
                    if row.hasFurther || known.hasFurther || mask.further != nil {
                        let old = try view.rows.further(of: known)
                        guard try live.further(of: row) == mask.further?.applied(to: old) ?? old else { continue }
                    }
                    view.note(row)
                    guard dialect.hasModSeqs else { continue }
                } else {
                    view.note(row)
                }
                let isRecent = view.isRecent(row.uid, dialect)
                let further = try live.further(of: row)
                output.writeText(about: 160) { text in
                    var response = FetchResponse(index + 1, row.uid, dialect, &text)
                    // RFC 7162 §3.2.4: with CONDSTORE on the UID is always told.
                    if numbering == .uid || dialect.hasModSeqs { response.uid(row.uid, &text) }
                    if !arguments.silent { response.flags(row.flags, live.keywords, further: further, isRecent: isRecent, &text) }
                    if dialect.hasModSeqs { response.modSeq(row.modSeq, &text) }
                    response.end(&text)
                }
                if output.readableBytes >= CommandExecution.flushSize {
                    self.view = view
                    try await flush()
                }
            }
        }
        self.view = view
    }
}

extension StoreArguments {
    var change: FlagChange {
        switch operation {
        case .replace: .replace(flags)
        case .add: .add(flags)
        case .remove: .remove(flags)
        }
    }
}
