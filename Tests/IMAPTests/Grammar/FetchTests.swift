import MailModel
import Testing

@testable import IMAP

@Suite struct FetchTests {
    private static func items(_ items: FetchItem...) -> FetchArguments { FetchArguments(set: .one(1), items: items) }
    private static func section(
        _ path: [Int] = [], _ specifier: BodySection.Specifier = .whole, peek: Bool = false, _ partial: Partial? = nil
    ) -> FetchItem {
        .section(BodySection(path: path, specifier), peek: peek, partial: partial)
    }

    @Test(
        "items and sections: RFC 9051 §6.4.5",
        arguments: [
            ("FLAGS", items(.flags)), ("fast", items(.flags, .internalDate, .rfc822Size)),
            ("ALL", items(.flags, .internalDate, .rfc822Size, .envelope)),
            ("FULL", items(.flags, .internalDate, .rfc822Size, .envelope, .body)),
            ("(UID FLAGS UID)", items(.uid, .flags)),
            (
                "(ENVELOPE INTERNALDATE BODY BODYSTRUCTURE RFC822.SIZE)",
                items(.envelope, .internalDate, .body, .bodyStructure, .rfc822Size)
            ),
            ("(RFC822 RFC822.HEADER RFC822.TEXT)", items(.rfc822, .rfc822Header, .rfc822Text)),
            ("(MODSEQ SAVEDATE EMAILID THREADID)", items(.modSeq, .saveDate, .emailID, .threadID)),
            ("BODY[]", items(section())), ("BODY.PEEK[]", items(section(peek: true))),
            ("BODY[HEADER]", items(section([], .header))),
            ("BODY[TEXT]<0.100>", items(section([], .text, Partial(offset: 0, count: 100)))),
            ("BODY[1]", items(section([1]))),
            ("body.peek[1.2.3.mime]", items(section([1, 2, 3], .mime, peek: true))),
            ("BODY[4.TEXT]", items(section([4], .text))),
            ("BODY[2.HEADER]", items(section([2], .header))),
            ("BODY[HEADER.FIELDS (From \"X-Y\")]", items(section([], .headerFields(["From", "X-Y"])))),
            (
                "BODY[3.HEADER.FIELDS.NOT (DATE)]<5.6>",
                items(section([3], .headerFieldsNot(["DATE"]), Partial(offset: 5, count: 6)))
            ),
            ("(BODY[1]BODY)", nil), ("(BODY[1] BODY[1.MIME])", items(section([1]), section([1], .mime))),
            ("BINARY[]", items(.binary([], peek: false, partial: nil))),
            ("BINARY.PEEK[1.2]<3.4>", items(.binary([1, 2], peek: true, partial: Partial(offset: 3, count: 4)))),
            ("BINARY.SIZE[1]", items(.binarySize([1]))), ("PREVIEW", items(.preview(lazy: false))),
            ("(PREVIEW (LAZY) UID)", items(.preview(lazy: true), .uid)),
            ("FLAGS (CHANGEDSINCE 5)", FetchArguments(set: .one(1), items: [.flags], changedSince: mod(5))),
            (
                "PREVIEW (CHANGEDSINCE 5)",
                FetchArguments(set: .one(1), items: [.preview(lazy: false)], changedSince: mod(5))
            ),
            (
                "(FLAGS) (CHANGEDSINCE 9223372036854775807 VANISHED)",
                FetchArguments(set: .one(1), items: [.flags], changedSince: .max, vanished: true)
            ),
        ] as [(String, FetchArguments?)])
    func fetch(_ line: String, _ expected: FetchArguments?) throws {
        guard let expected else {
            #expect(throws: SyntaxError.self) { try command("FETCH 1 " + line) }
            return
        }
        #expect(try command("FETCH 1 " + line) == .fetch(expected, .sequence))
        #expect(try command("UID FETCH 1 " + line) == .fetch(expected, .uid))
    }

    @Test(
        "what FETCH cannot be",
        arguments: [
            "", "()", "(ALL)", "(FLAGS FULL)", "FOO", "BODY[", "BODY[]x", "BODY[FOO]", "BODY[MIME]", "BODY[0]",
            "BODY[1.]", "BODY[.1]", "BODY[1.0]", "BODY[1 ]",
            "BODY[HEADER.FIELDS]", "BODY[HEADER.FIELDS ()]", "BODY[HEADER.FIELDS (\"a b\")]",
            "BODY[HEADER.FIELDS (a:)]", "BODY[HEADER.FIELDS (\"\")]",
            "BODY[]<1>", "BODY[]<1.0>", "BODY[]<-1.5>", "BODY[]<9223372036854775807.1>",
            "BODY[]<99999999999999999999.1>", "BODY.PEEK", "BINARY", "BINARY[TEXT]",
            "BINARY[1.MIME]", "BINARY.SIZE[1]<0.1>", "FLAGS (VANISHED)", "FLAGS (FOO)", "FLAGS (CHANGEDSINCE)",
            "FLAGS (CHANGEDSINCE 9223372036854775808)",
            "(FLAGS", "FLAGS)", "(FLAGS  UID)", "BODY[4294967296]",
            "BODY[" + (1...101).map { _ in "1" }.joined(separator: ".") + "]",
            "(" + Array(repeating: "FLAGS", count: 1_001).joined(separator: " ") + ")",
        ])
    func errors(_ line: String) {
        #expect(throws: SyntaxError.self) { try command("FETCH 1 " + line) }
    }

    @Test("which items set \\Seen")
    func seen() {
        #expect(FetchTests.section().marksSeen && FetchItem.rfc822.marksSeen && FetchItem.rfc822Text.marksSeen)
        #expect(FetchItem.binary([], peek: false, partial: nil).marksSeen)
        #expect(
            !FetchTests.section(peek: true).marksSeen && !FetchItem.rfc822Header.marksSeen
                && !FetchItem.binarySize([1]).marksSeen)
    }

    @Test(
        "STORE: RFC 9051 §6.4.6, RFC 7162 §3.1.3",
        arguments: [
            ("FLAGS (\\Seen)", StoreArguments(set: .one(1), operation: .replace, flags: Flags(system: .seen))),
            ("flags ()", StoreArguments(set: .one(1), operation: .replace, flags: Flags())),
            (
                "+FLAGS.SILENT \\Deleted \\draft",
                StoreArguments(set: .one(1), operation: .add, silent: true, flags: Flags(system: [.deleted, .draft]))
            ),
            (
                "(UNCHANGEDSINCE 0) -FLAGS ($A $a b)",
                StoreArguments(
                    set: .one(1), unchangedSince: .zero, operation: .remove,
                    flags: Flags(keywords: ["$A", "b"].compactMap { Keyword($0) }))
            ),
        ])
    func store(_ line: String, _ expected: StoreArguments) throws {
        #expect(try command("STORE 1 " + line) == .store(expected, .sequence))
        #expect(try command("UID STORE 1 " + line) == .store(expected, .uid))
    }

    @Test(
        "what STORE cannot be",
        arguments: [
            "", "FLAGS", "FLAGS ", "FOO (\\Seen)", "FLAGS (\\Recent)", "FLAGS (\\Foo)", "FLAGS (\\)", "FLAGS (\\Seen",
            "* FLAGS ()", "(FOO 1) FLAGS ()",
            "(UNCHANGEDSINCE) FLAGS ()", "++FLAGS ()", "FLAGS (\(String(repeating: "k", count: 101)))", "FLAGS (\"a\")",
            "FLAGS (" + (0...1_000).map { "k\($0)" }.joined(separator: " ") + ")",
        ])
    func storeErrors(_ line: String) {
        #expect(throws: SyntaxError.self) { try command("STORE 1 " + line) }
    }

    @Test("sets of numbers: RFC 9051 §9 sequence-set")
    func sets() {
        #expect(SequenceSet.spans((4, 2), (9, 0)).resolved(last: 12) == NumberSet([2...4, 9...12]))
        #expect(SequenceSet.spans((559, 0)).resolved(last: 100) == NumberSet([100...559]))
        #expect(SequenceSet.spans((0, 0)).resolved(last: 0) == NumberSet())
        #expect(SequenceSet.spans((1, 0), (3, 3)).resolved(last: 0) == NumberSet([3...3]))
        #expect(SequenceSet.saved.resolved(last: 5) == nil)
        #expect(
            SequenceSet.spans((4, 2), (9, 0)).highest == 9 && SequenceSet.spans((0, 7)).hasStar
                && !SequenceSet.one(1).hasStar)
        #expect(SequenceSet.spans((1, .max), (.max, .max)).resolved(last: 3) == NumberSet([1...UInt32.max]))
    }
}
