import Conversation
import MailModel
import NIOCore
import PostOffice
import Storage

/// One command on its way through the mailroom. What it answers gathers in `output` and is sent when there is much of it.
struct CommandExecution: Sendable {
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
    var problem: StatusResponse?
    var unreadable = 0
    /// Octets of a literal that was announced are missing.
    var isInLiteral = false

    /// Octets of answers that are sent at once.
    static let flushSize = 64 << 10

    static func run(_ job: Job, _ worker: IMAPWorker, _ link: any Link) async -> Completion {
        var execution = CommandExecution(job: job, worker: worker, link: link, dialect: job.dialect, view: job.view)
        let answer: StatusResponse
        do {
            // RFC 9586 §3: numbers among a UID command's arguments.
            if job.dialect.isUIDOnly, job.command.arguments.usesNumbers { throw Ending(.uidRequired) }
            answer = execution.limited(try await execution.run())
        } catch {
            answer = execution.answer(to: error)
        }
        if case .none = execution.effect, let view = execution.view { execution.effect = .view(view) }
        return Completion(
            output: execution.output, answer: answer, effect: execution.effect, dialect: execution.dialect, usedNumbers: job.command.arguments.usesNumbers,
            notifications: execution.notifications, context: answer.condition == .ok ? execution.context : nil)
    }

    var principal: Principal { job.principal }
    var mailroom: Mailroom { worker.mailroom }

    func answer(to error: any Error) -> StatusResponse {
        worker.failures.answer(to: error, job.command.verb, connection: link.facts.id)
    }

    private mutating func run() async throws -> StatusResponse {
        let row = job.command.verb.row
        if let rights = row.rights.selected { try checkRights(rights) }
        switch row.action {
        case .execution(let work): return try await work(&self, job.command.arguments)
        // The session sees to these.
        case .session, .stream: return .bad("Not served")
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
        guard let name = mailbox.name else {
            worker.settings.metrics.security.note(.invalidInput)
            throw Ending(.impossibleName)
        }
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
        if output.readableBytes >= CommandExecution.flushSize { try await flush() }
    }

    mutating func flush() async throws {
        guard output.readableBytes > 0 else { return }
        var bytes = output
        output = ByteBuffer()
        // An answer of many numbers may be megabytes, which the connection encrypts and deflates where others wait.
        while let piece = bytes.readSlice(length: min(bytes.readableBytes, CommandExecution.flushSize)), piece.readableBytes > 0 {
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

extension CommandExecution {
    /// A keyword is listed before it is seen in FETCH (RFC 9051 §7.3.5).
    mutating func tellNewKeywords(_ live: KeywordTable) {
        guard var view, live.places != view.toldKeywords else { return }
        output.writeFlagsOf(live, view)
        view.toldKeywords = live.places
        self.view = view
    }
}
