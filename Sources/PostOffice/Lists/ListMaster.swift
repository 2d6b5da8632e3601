package import Logging
package import MailModel
import MessageFormat
import NIOCore
package import Storage
import Synchronization

/// What is done with mail for lists' addresses when it has its turn in the outgoing queue: all that it brings about is placed in the commit that ends its entry.
///
/// - Posts go on with an envelope of the list's own, which names the member: what comes back is told to the owners and never to the author (RFC 5321 §3.9.2).
/// - Whoever is not known to be the author hears nothing of a refusal but what SMTP says: no letter goes to an address that somebody may have made up, save one an
///   hour by which a wish to join or to leave is confirmed, or that is asked for by `help`.
/// - Letters have no reverse path, are marked as automatic (RFC 3834) and answer nothing that is.
package struct ListMaster: Sendable {
    package let register: ListRegister
    let store: any QueueStore & BodyStore
    let directory: Directory
    let intake: Intake
    /// What we call ourselves in trace lines, and in Message-IDs.
    let host: Domain
    let clock: Timestamp.Clock
    let makeID: TransactionID.Source
    let log: Logger
    /// Of letters that strangers bring about, and of what the owners are shown that came back.
    let limits = LetterLimits()
    let shown = LetterLimits()
    /// Of posts that wait.
    let moderations = LetterLimits()

    package init(
        register: ListRegister, store: any QueueStore & BodyStore, directory: Directory, intake: Intake, host: Domain, clock: @escaping Timestamp.Clock,
        makeID: @escaping TransactionID.Source, log: Logger
    ) {
        self.register = register
        self.store = store
        self.directory = directory
        self.intake = intake
        self.host = host
        self.clock = clock
        self.makeID = makeID
        self.log = log
    }

    /// Seconds for which a post waits for an owner.
    package static let moderationTime: Int64 = 7 * 86_400
    /// What of a message goes on with it; RFC 8689 §6: so does what its sender wants of TLS.
    static let carried: QueueDraft.Traits = [.smtpUTF8, .eightBit, .requiresTLS, .waivesTLS]
    /// Octets of a message that are read at once.
    static let piece = 256 << 10
    /// What marks a post that waits for an owner, or waited: RFC 3463 §3.8, X.7.2, mailing list expansion prohibited.
    static let moderated = EnhancedStatus.transient(7, 2)

    /// What becomes of an entry whose only recipient is a list's address.
    struct Answer: Sendable {
        enum Ending: Sendable {
            case done
            /// Nobody is told but the log.
            case dropped(String)
            /// Its sender, who is one of our users, is told.
            case failed(EnhancedStatus, String)
            /// It waits until it is released.
            case held(String)
        }

        var ending = Ending.done
        /// What is placed with it; made anew where that has to be tried again.
        var notices: @Sendable () async throws -> [QueueUpdate.Notice] = { [] }
        /// When it is durable, and only then. What it does must do no harm where it is left out.
        var afterwards: @Sendable () async throws -> Void = {}
    }

    /// Throws what the store and the directory throw: it is asked again then, and what was done already does no harm twice.
    func answer(_ entry: QueueEntry, _ door: ListDoor) async throws -> (answer: Answer, released: QueueID?) {
        let list = door.list
        switch door.purpose {
        case .post: return (try await post(entry, list), nil)
        case .owner: return (try await mailToOwners(entry, list), nil)
        case .bounce(let number, let sent): return (try await returned(entry, list, number, sent), nil)
        case .request: return (try await request(entry, list), nil)
        case .confirm(let token): return (try await confirmed(entry, list, token), nil)
        case .leave(let number): return (try await leave(list, number), nil)
        case .accept(let post): return try await decided(entry, list, post, isAccepted: true)
        case .reject(let post): return try await decided(entry, list, post, isAccepted: false)
        }
    }

    // MARK: Reading

    /// A message's start: what a survey says of its header, and the octets themselves.
    struct Start {
        let post: ListPost
        /// Head and text, `MailReception.heldHeader` octets of text at most.
        let octets: ByteBuffer
    }

    func start(of entry: QueueEntry) async throws -> Start {
        let own = entry.draft.head?.octets.count ?? 0
        let octets = try await store.read(0..<min(entry.size, own + MailReception.heldHeader), of: entry.id)
        var (header, rest) = (IncomingHeader(), ByteBuffer())
        header.consume(octets, into: &rest)
        if octets.readableBytes == entry.size { header.finish(into: &rest) }
        var post = ListPost(
            survey: header.survey, reversePath: entry.draft.reversePath, isOurUsers: entry.draft.sender != nil, isLocal: entry.draft.origin == .local,
            host: host)
        if let head = entry.draft.head, let author = post.author?.domain {
            post.isAuthorProven = MessageSeal(ByteBuffer(bytes: head.octets), host.asciiForm ?? host)?.proves(author)
        }
        return Start(post: post, octets: octets)
    }

    // MARK: Placing

    /// One body for mailboxes here and for the queue.
    func notice(
        _ body: StagedBody, _ head: [UInt8], from reversePath: ReversePath, to addresses: [Address], traits: QueueDraft.Traits,
        origin: QueueDraft.Origin
    ) async throws
        -> QueueUpdate.Notice
    {
        let now = clock()
        guard let filed = MessageHead(Array("Return-Path: \(reversePath.written)\r\n".utf8) + head) else {
            throw StorageFault.unavailable("a head that is none")
        }
        var placements: [Placement] = []
        var onward: [QueuedRecipient] = []
        for address in addresses {
            if let mailboxes = try await knownMailboxes(of: address) {
                for (mailbox, _) in mailboxes where !placements.contains(where: { $0.mailbox == mailbox }) {
                    placements.append(ListMaster.placement(mailbox, filed, now))
                }
            } else {
                onward.append(QueuedRecipient(.mailbox(address), notify: reversePath == .null ? .never : .failure))
            }
        }
        var draft: QueueDraft?
        if !onward.isEmpty {
            draft = QueueDraft(
                transaction: makeID(), reversePath: reversePath, recipients: onward, traits: traits.union(.isAutomatic), arrived: now, head: MessageHead(head))
            draft?.origin = origin
        }
        return QueueUpdate.Notice(body: body, placements: placements, drafts: draft.map { [$0] } ?? [])
    }

    /// Where mail for an address lies at once; nil: it has to wait or to go on, and the queue finds out.
    func mailboxes(of address: Address) async throws -> [(mailbox: MailboxID, account: AccountID)]? {
        guard case .destinations(let destinations) = try await directory.resolve(address), !destinations.isEmpty else { return nil }
        var mailboxes: [(MailboxID, AccountID)] = []
        for destination in destinations {
            guard case .mailbox(let mailbox, let account) = destination, try intake.hasRoom(account) else { return nil }
            mailboxes.append((mailbox, account))
        }
        return mailboxes
    }

    /// As `mailboxes(of:)`; nil too where that is not to be found out, for then it waits in the queue by itself, and not the others with it.
    func knownMailboxes(of address: Address) async throws -> [(mailbox: MailboxID, account: AccountID)]? {
        do { return try await mailboxes(of: address) } catch is CancellationError { throw CancellationError() } catch {
            log.warning("Where mail of a list lies is not known now, and the queue tries: \(error)", metadata: ["address": "\(address)"])
            return nil
        }
    }

    static func placement(_ mailbox: MailboxID, _ head: MessageHead, _ now: Timestamp) -> Placement {
        var placement = Placement(mailbox: mailbox, internalDate: now)
        placement.mayOverdraw = true
        placement.head = head
        return placement
    }

    /// A message of the queue as it is, from octet `start` on, behind `header`.
    func body(of entry: QueueEntry, behind header: ByteBuffer = ByteBuffer(), from start: Int) async throws -> StagedBody {
        let incoming = Incoming(expected: header.readableBytes + entry.size - start)
        try await incoming.take(header, into: intake.store)
        var place = start
        while place < entry.size {
            try Task.checkCancellation()
            let piece = try await store.read(place..<min(place + ListMaster.piece, entry.size), of: entry.id)
            guard piece.readableBytes > 0 else { throw StorageFault.corrupt("a message of the queue is shorter than it was") }
            place += piece.readableBytes
            try await incoming.take(piece, into: intake.store)
        }
        return try await incoming.stage(in: intake.store)
    }

    /// To the owners of a list, as it is; what comes back of it is nobody's.
    func forward(_ entry: QueueEntry, to list: MailingList, at role: ListRole) async throws -> QueueUpdate.Notice {
        let own = entry.draft.head?.octets ?? []
        let head = Array("Delivered-To: \(list.address(role).written)\r\n".utf8) + own
        let bounces = list.address(.bounces, token: register.tokens.bounces(0, clock(), of: list))
        return try await notice(
            try await body(of: entry, from: own.count), head, from: .mailbox(bounces), to: list.owners,
            traits: entry.draft.traits.intersection(ListMaster.carried), origin: entry.draft.origin.sentOn)
    }

    func letter(_ letter: ListLetter) async throws -> QueueUpdate.Notice {
        let text = letter.written(host: host, id: makeID(), now: clock())
        let isEightBit = text.readableBytesView.contains { $0 >= 0x80 }
        return try await notice(
            try await intake.stage(text), [], from: .null, to: letter.recipients, traits: isEightBit ? [.eightBit] : [], origin: .own)
    }
}

/// How many letters others can make us send.
package final class LetterLimits: Sendable {
    private struct State {
        var times: [String: (last: Timestamp, entry: QueueID)] = [:]
        var lists: [String: Int] = [:]
        var hour: Int64 = 0
    }

    private let state = Mutex(State())
    /// Seconds between letters of one list to one address.
    private static let pause: Int64 = 3_600
    /// Letters of one list in an hour, and addresses that are known.
    private static let most = 100
    private static let mostKnown = 10_000

    /// Counts a letter that an entry of the queue brings about; false: it is one too many. An entry that is looked at again, as the store could not keep what became
    /// of it, has the same answer within the hour.
    func admits(_ address: Address, of list: MailingList, now: Timestamp, for entry: QueueID) -> Bool {
        admits(MailingList.key(address), of: list, now: now, for: entry)
    }

    /// The same for the letter that tells of a post.
    func admits(post entry: QueueID, of list: MailingList, now: Timestamp) -> Bool { admits("post \(entry.rawValue)", of: list, now: now, for: entry) }

    private func admits(_ about: String, of list: MailingList, now: Timestamp, for entry: QueueID) -> Bool {
        state.withLock { state in
            if state.hour != now.rawValue / 3_600 {
                state.hour = now.rawValue / 3_600
                state.lists = [:]
                state.times = state.times.filter { now.rawValue - $0.value.last.rawValue < LetterLimits.pause }
            }
            let key = "\(list.key) \(about)"
            if let (last, cause) = state.times[key], now.rawValue - last.rawValue < LetterLimits.pause { return cause == entry }
            guard state.times.count < LetterLimits.mostKnown, state.lists[list.key, default: 0] < LetterLimits.most else { return false }
            state.times[key] = (now, entry)
            state.lists[list.key, default: 0] += 1
            return true
        }
    }
}
