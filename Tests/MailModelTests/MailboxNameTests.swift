import MailModel
import Testing

@Suite("Mailbox names")
struct MailboxNameTests {
    @Test(
        "names, levels and INBOX: RFC 9051 §5.1",
        arguments: [
            ("INBOX", "INBOX"), ("inbox", "INBOX"), ("InBoX/Work", "INBOX/Work"), ("work/inbox", "work/inbox"), ("INBOXES", "INBOXES"),
            ("a/b/c", "a/b/c"), ("a/", "a"), ("Entwu\u{308}rfe", "Entwürfe"), ("日本語", "日本語"), ("a b", "a b"), ("*%", "*%"),
            ("..", ".."), ("../etc/passwd", "../etc/passwd"), ("~", "~"), ("&", "&"), ("\u{131}nbox", "\u{131}nbox"),
        ])
    func names(text: String, value: String) {
        #expect(MailboxName(text)?.value == value)
    }

    @Test(
        "what is no name",
        arguments: [
            "", "/", "//", "/a", "a//b", "a/b//", "a\u{0}b", "a\rb", "a\nb", "a\u{7F}", "a\u{85}b", "a\u{2028}b", "a\u{2029}b",
            String(repeating: "x", count: 256), String(repeating: "ä", count: 128), String(repeating: "a/", count: 32) + "a",
            Array(repeating: String(repeating: "x", count: 250), count: 4).joined(separator: "/"),
        ])
    func notNames(text: String) {
        #expect(MailboxName(text) == nil)
    }

    @Test(
        "what no new mailbox may be called, though one that is there may",
        arguments: [
            ("..", false), ("../etc/passwd", false), ("a/../b", false), ("a/.", false), ("./a", false), ("a/..", false), ("a\u{202E}b", false),
            ("a\u{2066}b", false), ("\u{FEFF}a", false), ("a\u{FFFE}", false), ("a\u{1FFFF}", false), ("...", true), (".a", true), ("a.", true),
            ("a/..b", true),
            ("~", true), ("a\\b", true), ("&", true), ("日本語", true), ("עברית\u{200F}", true), ("👩\u{200D}💻", true),
        ])
    func fit(text: String, isFit: Bool) throws {
        #expect(try #require(MailboxName(text)).isFitForNew == isFit)
    }

    @Test("the longest names are names")
    func limits() throws {
        #expect(MailboxName(String(repeating: "x", count: 255)) != nil)
        #expect(MailboxName(String(repeating: "a/", count: 31) + "a")?.levels.count == 32)
        let longest = Array(repeating: String(repeating: "x", count: 249), count: 4).joined(separator: "/")
        #expect(MailboxName(longest + "x")?.value.utf8.count == 1_000)
    }

    @Test("superiors and inferiors")
    func family() throws {
        let name = try #require(MailboxName("a/b/c"))
        #expect(name.parent?.value == "a/b" && name.parent?.parent?.value == "a" && name.parent?.parent?.parent == nil)
        #expect(name.levels == ["a", "b", "c"])
        let a = try #require(MailboxName("a"))
        #expect(name.isInferior(to: a) && !a.isInferior(to: a) && !a.isInferior(to: name))
        #expect(try !#require(MailboxName("ab/c")).isInferior(to: a))
        #expect(MailboxName.inbox.isInbox && MailboxName("Inbox")?.isInbox == true && MailboxName("INBOX/x")?.isInbox == false)
    }

    @Test("moving a name from below one to below another")
    func moved() throws {
        let (old, new) = (try #require(MailboxName("old")), try #require(MailboxName("x/new")))
        #expect(old.moved(from: old, to: new) == new)
        #expect(MailboxName("old/a/b")?.moved(from: old, to: new)?.value == "x/new/a/b")
        #expect(MailboxName("older")?.moved(from: old, to: new) == nil)
        #expect(MailboxName("a")?.moved(from: old, to: new) == nil)
        let long = try #require(MailboxName(Array(repeating: String(repeating: "x", count: 240), count: 4).joined(separator: "/")))
        #expect(MailboxName("old/" + String(repeating: "y", count: 100))?.moved(from: old, to: long) == nil)
    }

    @Test("the mailboxes that an account is given have names and uses of their own: RFC 6154 §2")
    func provided() {
        #expect(SpecialUse.provided.allSatisfy { MailboxName($0.name)?.value == $0.name })
        #expect(Set(SpecialUse.provided.map(\.name)).count == 5 && Set(SpecialUse.provided.map(\.use)).count == 5)
        #expect(SpecialUse.allCases.allSatisfy { $0.rawValue.hasPrefix("\\") })
    }
}
