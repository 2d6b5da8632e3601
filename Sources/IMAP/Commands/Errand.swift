import Conversation
import MailModel
import NIOCore
import PostOffice
import Storage

/// One command on its way through the mailroom. What it answers gathers in `output` and is sent when there is much of it.
struct Errand: Sendable {
    let job: Job
    let worker: IMAPWorker
    let link: any Link
    var output = ByteBuffer()
    var dialect: Dialect
    /// Of the selected mailbox, as the answers so far have made it.
    var view: MailboxView?
    var effect = Completion.Effect.none
    var notifications: Notifications?
    /// What becomes of UPDATE.
    var context: ContextWish?
    /// What the indexes have said to the search under way.
    var searchKnowledge = SearchKnowledge()
    /// Where a command stopped that was asked for too much.
    var lowestProcessed: UID?
    /// The keywords that flags are written by.
    var keywords = KeywordTable()
    /// Small bodies that are about to be asked for.
    var readAhead: [BodyID: ByteBuffer] = [:]
    /// What is kept beside the rows of the messages at hand, where it is asked for.
    var particulars: [UID: MessageParticulars] = [:]
    /// When the client was last told how far the command is.
    var lastProgress: Timestamp?
    /// Pieces of a FETCH answer that were sent before it was whole.
    var sentPieces = 0
    /// What the first message that could not be read is answered by, where the command goes on with the others.
    var problem: Answer?
    var unreadable = 0
    /// Octets of a literal that was announced are missing.
    var isInLiteral = false

    /// Octets of answers that are sent at once.
    static let flushSize = 64 << 10

    static func run(_ job: Job, _ worker: IMAPWorker, _ link: any Link) async -> Completion {
        var errand = Errand(job: job, worker: worker, link: link, dialect: job.dialect, view: job.view)
        let answer: Answer
        do {
            // RFC 9586 §3: numbers among a UID command's arguments.
            if job.dialect.isUIDOnly, job.command.usesNumbers { throw Ending(.uidRequired) }
            answer = errand.limited(try await errand.run())
        } catch {
            answer = errand.answer(to: error)
        }
        if case .none = errand.effect, let view = errand.view { errand.effect = .view(view) }
        return Completion(
            output: errand.output, answer: answer, effect: errand.effect, dialect: errand.dialect, usedNumbers: job.command.usesNumbers,
            notifications: errand.notifications, context: answer.condition == .ok ? errand.context : nil)
    }

    var principal: Principal { job.principal }
    var mailroom: Mailroom { worker.mailroom }

    func answer(to error: any Error) -> Answer {
        let addsMessages =
            switch job.verb {
            case .copy, .uidCopy, .move, .uidMove: true
            default: false
            }
        return worker.complaints.answer(to: error, job.verb, connection: link.facts.id, addsMessages: addsMessages)
    }

    private mutating func run() async throws -> Answer {
        switch job.command {
        case .select(let arguments): try await select(arguments, isReadOnly: false)
        case .examine(let arguments): try await select(arguments, isReadOnly: true)
        case .create(let arguments): try await create(arguments)
        case .delete(let mailbox): try await delete(mailbox)
        case .rename(let from, let to): try await rename(from, to)
        case .subscribe(let mailbox): try await subscribe(mailbox)
        case .unsubscribe(let mailbox): try await unsubscribe(mailbox)
        case .list(let arguments): try await list(arguments)
        case .lsub(let reference, let pattern): try await lsub(reference, pattern)
        case .status(let mailbox, let items): try await status(mailbox, items)
        case .access(let command, let mailbox): try await access(command, mailbox)
        case .multiSearch(let arguments): try await multiSearch(arguments)
        case .notify(let arguments): try await notify(arguments)
        case .quota(let command): try await quota(command)
        case .metadata(let command, let mailbox): try await metadata(command, mailbox)
        default: try await runSelected()
        }
    }

    private mutating func runSelected() async throws -> Answer {
        try checkRights()
        return switch job.command {
        case .close: try await close()
        case .expunge: try await expunge(nil)
        case .uidExpunge(let set): try await expunge(set)
        case .search(let arguments, let numbering): try await search(arguments, numbering)
        case .sort(let arguments, let numbering): try await sort(arguments, numbering)
        case .thread(let arguments, let numbering): try await thread(arguments, numbering)
        case .fetch(let arguments, let numbering): try await fetch(arguments, numbering)
        case .store(let arguments, let numbering): try await store(arguments, numbering)
        case .copy(let set, let target, let numbering): try await copy(set, to: target, numbering)
        case .move(let set, let target, let numbering): try await move(set, to: target, numbering)
        // The session answers these itself.
        default: .bad("Not served")
        }
    }

    /// `Ending` when no mailbox is selected, which the table of legality rules out.
    func selectedView() throws -> MailboxView {
        guard let view else { throw Ending(.bad("Select a mailbox first")) }
        return view
    }

    /// What `body` finds among rows of the view: see `Mailroom.withRows`.
    func withRows<Value>(of view: MailboxView, _ body: () throws -> Value) async throws -> Value {
        try await mailroom.withRows(of: view.mailbox, body)
    }

    func name(_ mailbox: MailboxArgument) throws -> MailboxName {
        guard let name = mailbox.name else { throw Ending(.impossibleName) }
        return name
    }

    /// Of a mailbox that is to be: `Ending` where it was not written as it must be.
    func newName(_ mailbox: MailboxArgument) throws -> MailboxName {
        guard mailbox.isWellEncoded else { throw Ending(.impossibleName) }
        return try name(mailbox)
    }

    /// Of a mailbox that must be there: one that cannot be is not.
    func existing(_ mailbox: MailboxArgument) throws -> MailboxName {
        guard let name = mailbox.name else { throw MailroomRefusal.noSuchMailbox }
        return name
    }

    mutating func flushIfFull() async throws {
        if output.readableBytes >= Errand.flushSize { try await flush() }
    }

    mutating func flush() async throws {
        guard output.readableBytes > 0 else { return }
        var bytes = output
        output = ByteBuffer()
        // An answer of many numbers may be megabytes, which the connection encrypts and deflates where others wait.
        while let piece = bytes.readSlice(length: min(bytes.readableBytes, Errand.flushSize)), piece.readableBytes > 0 {
            try await link.write(piece)
            await Task.yield()
        }
    }

    /// RFC 7162 §3.1: some commands turn CONDSTORE on.
    mutating func enableModSeqs() {
        guard !dialect.hasModSeqs else { return }
        dialect.hasModSeqs = true
        if let view { output.writeUntagged(.ok("CONDSTORE is on", .highestModSeq(view.toldModSeq))) }
    }
}

extension Errand {
    /// A keyword is listed before it is seen in FETCH (RFC 9051 §7.3.5).
    mutating func tellNewKeywords(_ live: KeywordTable) {
        guard var view, live.places != view.toldKeywords else { return }
        output.writeFlagsOf(live, view)
        view.toldKeywords = live.places
        self.view = view
    }
}
