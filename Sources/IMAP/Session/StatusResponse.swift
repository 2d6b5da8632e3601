import Logging
import MailModel
import PostOffice
import Storage

/// How a command ends: the tagged line without its tag.
package struct StatusResponse: Hashable, Sendable {
    var condition: Condition
    var code: ResponseCode?
    var text: String

    static func ok(_ text: String, _ code: ResponseCode? = nil) -> StatusResponse { StatusResponse(condition: .ok, code: code, text: text) }
    static func no(_ text: String, _ code: ResponseCode? = nil) -> StatusResponse { StatusResponse(condition: .no, code: code, text: text) }
    static func bad(_ text: String, _ code: ResponseCode? = nil) -> StatusResponse { StatusResponse(condition: .bad, code: code, text: text) }

    static func bad(_ error: SyntaxError) -> StatusResponse { .bad(error.text) }

    /// A mailbox name that cannot be (RFC 9051 §5.1).
    static let impossibleName = StatusResponse.no("No mailbox can have that name", .cannot)
    /// Sequence numbers after ENABLE UIDONLY (RFC 9586 §3).
    static let uidRequired = StatusResponse.bad("Use UIDs", .uidRequired)
    /// RFC 9051 §11.1.
    static let privacyRequired = StatusResponse.no("Not without TLS", .privacyRequired)
    static let readOnly = StatusResponse.no("The mailbox is open for reading only", .noPerm)
    static func messageTooBig(_ limit: Int) -> StatusResponse { .no("The message is over \(limit) octets", .tooBig) }
    static let expungeIssued = StatusResponse.no("Some of these messages are gone", .expungeIssued)
}

/// Thrown by a command to end with that answer.
struct Ending: Error {
    let answer: StatusResponse
    init(_ answer: StatusResponse) { self.answer = answer }
}

/// The one place where what went wrong becomes an answer: their bytes BAD, a lawful no NO with its code, anything else our fault, logged
/// under an id that the answer names.
struct FailureResponses: Sendable {
    let log: Logger
    let clock: Timestamp.Clock

    /// `addsMessages`: whether a missing mailbox is worth creating (RFC 9051 §7.1 TRYCREATE); nil: as the verb's row has it.
    func answer(to error: any Error, _ verb: Verb, connection: UInt64, addsMessages: Bool? = nil) -> StatusResponse {
        let addsMessages = addsMessages ?? verb.row.rights.addsMessages
        return switch error {
        case let ending as Ending: ending.answer
        case let error as SyntaxError: .bad(error)
        case is NoSuchNumber: .bad("There is no message of that number")
        case let refusal as MailroomRefusal: answer(to: refusal, addsMessages: addsMessages)
        case let fault as StorageFault: answer(to: fault, verb, connection, addsMessages: addsMessages)
        case is CancellationError: .no("The connection is closing", .unavailable)
        case let end as BrokenOff: answer(to: end.cause, verb, connection: connection, addsMessages: addsMessages)
        default: blame("\(error)", verb, connection, .serverBug)
        }
    }

    private func answer(to refusal: MailroomRefusal, addsMessages: Bool) -> StatusResponse {
        switch refusal {
        case .noSuchMailbox: .no("There is no such mailbox", addsMessages ? .tryCreate : .nonExistent)
        case .notPermitted: .no("You may not do that with the mailbox", .noPerm)
        case .annotationTooBig(let limit): .no("A value is over \(limit) octets", .metadataMaxSize(limit))
        case .noSuchQuotaRoot: .no("There is no such quota root", .nonExistent)
        case .mailboxExists: .no("There is a mailbox of that name", .alreadyExists)
        case .hasInferiors: .no("Other mailboxes lie below that name", .hasChildren)
        case .notAllowed(let reason): .no(reason, .cannot)
        case .useRefused(let reason): .no(reason, .useAttr)
        case .tooMany(let what): .no("The account has too many \(what)", .limit)
        case .tooBig(let limit): .messageTooBig(limit)
        case .holdsNUL: .no("A message cannot hold NUL", .cannot)
        }
    }

    private func answer(to fault: StorageFault, _ verb: Verb, _ connection: UInt64, addsMessages: Bool) -> StatusResponse {
        switch fault {
        // The disk, not the account's quota: RFC 5530 §3 has UNAVAILABLE for what goes away by itself.
        case .full: .no("There is no room for more mail, try later", .unavailable)
        case .overQuota: .no("The account's quota is used up", .overQuota)
        case .noSuchMailbox: .no("There is no such mailbox", addsMessages ? .tryCreate : .nonExistent)
        case .nameTaken: .no("There is a mailbox of that name", .alreadyExists)
        case .notAllowed(let reason): .no(reason, .cannot)
        case .tooManyAnnotations: .no("There are too many annotations", .metadataTooMany)
        case .tooManyKeywords: .no("The mailbox has too many keywords", .limit)
        case .closed: .no("The server is stopping", .unavailable)
        case .noSuchMessage: .no("Some of these messages are gone", .expungeIssued)
        case .unavailable(let cause): blame(cause, verb, connection, .unavailable)
        case .corrupt(let cause): blame(cause, verb, connection, .serverBug)
        case .noSuchAccount, .noSuchDomain, .conflict: blame("\(fault)", verb, connection, .unavailable)
        }
    }

    private func blame(_ cause: String, _ verb: Verb, _ connection: UInt64, _ code: ResponseCode) -> StatusResponse {
        let id = "\(connection)-\(clock().rawValue)"
        log.error("IMAP \(verb.rawValue) failed: \(cause)", metadata: ["id": "\(id)"])
        return .no("Something went wrong here; it is in the log as \(id)", code)
    }
}
