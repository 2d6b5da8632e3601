import Logging
import MailModel
import PostOffice
import Storage
import Testing

@testable import IMAP

@Suite("What went wrong, as an answer")
struct ComplaintTests {
    /// RFC 5530 §3, RFC 9051 §7.1: nobody's fault but ours is UNAVAILABLE when it goes away by itself and SERVERBUG when it does not; OVERQUOTA is the account's quota
    /// and nothing else.
    private static let table: [(fault: any Error, code: ResponseCode, isLogged: Bool)] = [
        (StorageFault.full, .unavailable, false), (StorageFault.overQuota, .overQuota, false),
        (StorageFault.unavailable("read: Input/output error"), .unavailable, true), (StorageFault.corrupt("a flipped bit"), .serverBug, true),
        (RowsNotAtHand(blocks: []), .serverBug, true), (StorageFault.closed, .unavailable, false), (StorageFault.noSuchAccount, .unavailable, true),
        (StorageFault.noSuchDomain, .unavailable, true), (StorageFault.noSuchMailbox, .nonExistent, false), (StorageFault.noSuchMessage, .expungeIssued, false),
        (StorageFault.nameTaken, .alreadyExists, false), (StorageFault.tooManyKeywords, .limit, false),
        (StorageFault.tooManyAnnotations, .metadataTooMany, false),
        (StorageFault.notAllowed("no"), .cannot, false), (MailroomRefusal.notPermitted, .noPerm, false), (MailroomRefusal.noSuchMailbox, .nonExistent, false),
        (CancellationError(), .unavailable, false),
    ]

    @Test("every fault has its code, is a NO, and is in the log when it is ours", arguments: 0..<17)
    func codes(number: Int) {
        let (fault, code, isLogged) = Self.table[number]
        let log = ErrorLog()
        let answer = FailureResponses(log: log.logger, clock: { House.now }).answer(to: fault, "FETCH", connection: 7)
        #expect(answer.condition == .no && answer.code == code, "\(fault)")
        #expect(log.all.count == (isLogged ? 1 : 0), "\(fault)")
        if isLogged { #expect(answer.text.contains("7-\(House.now.rawValue)"), "the log's id is in the answer") }
        #expect(!answer.text.contains("flipped") && !answer.text.contains("Input/output"), "what is wrong here is nobody else's business")
    }

    @Test("the table is whole")
    func complete() { #expect(Self.table.count == 17) }
}
