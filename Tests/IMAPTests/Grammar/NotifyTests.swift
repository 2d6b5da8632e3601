import MailModel
import Testing

@testable import IMAP

@Suite struct NotifyTests {
    private static let new: NotifyEvents = [.messageNew, .messageExpunge]
    private static let box = MailboxArgument("box")

    @Test(
        "NOTIFY's arguments: RFC 5465 §8",
        arguments: [
            ("NOTIFY NONE", .none), ("notify none", .none),
            ("NOTIFY SET (selected (MessageNew MessageExpunge))", .set([EventGroup(.selected, new)], status: false)),
            ("NOTIFY SET STATUS (personal NONE)", .set([EventGroup(.personal, [])], status: true)),
            (
                "notify set status (Selected-Delayed (messagenew (uid BODY.PEEK[HEADER.FIELDS (To)]) messageexpunge FlagChange)) (inboxes NONE)",
                .set(
                    [
                        EventGroup(
                            .selectedDelayed, [.messageNew, .messageExpunge, .flagChange],
                            newMessageItems: [.uid, .section(BodySection(.headerFields(["To"])), peek: true, partial: nil)]),
                        EventGroup(.inboxes, []),
                    ], status: true)
            ),
            (
                "NOTIFY SET (subscribed (MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange))",
                .set(
                    [EventGroup(.subscribed, [.mailboxName, .subscriptionChange, .mailboxMetadataChange, .serverMetadataChange])],
                    status: false)
            ),
            ("NOTIFY SET (subtree box (MailboxName))", .set([EventGroup(.subtree([box]), .mailboxName)], status: false)),
            (
                "NOTIFY SET (mailboxes (box {3+}\r\nbox \"a b\") (MailboxName Moonrise))",
                .set([EventGroup(.mailboxes([box, box, MailboxArgument("a b")]), [.mailboxName, .unknown])], status: false)
            ),
            (
                "NOTIFY SET (personal (MessageNew MessageExpunge AnnotationChange))",
                .set([EventGroup(.personal, [.messageNew, .messageExpunge, .annotationChange])], status: false)
            ),
        ] as [(String, NotifyArguments)])
    func arguments(_ line: String, _ expected: NotifyArguments) throws {
        #expect(try command(line) == .notify(expected))
    }

    @Test(
        "what breaks the grammar, or asks for what cannot be, throws: RFC 5465 §5, §6.1, §8",
        arguments: [
            "NOTIFY", "NOTIFY SET", "NOTIFY SET STATUS", "NOTIFY NONE x", "NOTIFY SET ()", "NOTIFY SET (selected)",
            "NOTIFY SET (selected ())", "NOTIFY SET (elsewhere NONE)", "NOTIFY SET (selected MessageNew MessageExpunge)",
            "NOTIFY SET (subtree (MailboxName))", "NOTIFY SET (mailboxes () (MailboxName))", "NOTIFY SET (selected (MessageNew))",
            "NOTIFY SET (selected (MessageExpunge))", "NOTIFY SET (selected (FlagChange))", "NOTIFY SET (personal (AnnotationChange))",
            "NOTIFY SET (selected (MailboxName))", "NOTIFY SET (selected (SubscriptionChange MessageNew MessageExpunge))",
            "NOTIFY SET (personal (MessageNew (UID) MessageExpunge))", "NOTIFY SET (selected (MessageNew () MessageExpunge))",
            "NOTIFY SET (selected (MessageNew (NOTHING) MessageExpunge))", "NOTIFY SET (selected NONE) (selected-delayed NONE)",
            "NOTIFY SET (selected NONE) (selected NONE)", "NOTIFY SET (personal NONE)(inboxes NONE)", "NOTIFY SET (personal NONE) ",
            "NOTIFY SET (personal (MessageNew MessageExpunge)", "NOTIFY SETSTATUS (personal NONE)",
        ])
    func faults(_ line: String) {
        #expect(throws: SyntaxError.self) { try command(line) }
    }

    @Test("response codes: RFC 5465 §8")
    func codes() {
        #expect(written { $0.write(.badEvent([.messageNew, .mailboxName])) } == "BADEVENT (MessageNew MailboxName)")
        #expect(written { $0.write(.notificationOverflow) } == "NOTIFICATIONOVERFLOW")
    }
}
