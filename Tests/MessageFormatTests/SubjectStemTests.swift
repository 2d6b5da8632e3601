import MessageFormat
import NIOCore
import Testing

@Suite struct SubjectStemTests {
    @Test(
        "what is left, and whether it was a reply or a forward: RFC 5256 §2.1",
        arguments: [
            ("", "", false), ("tea", "tea", false), ("  tea \t at\r\n four ", "tea at four", false),
            ("Re: tea", "tea", true), ("RE:tea", "tea", true), ("re: Fw: FWD: Re : tea", "tea", true), ("Re:", "", true),
            ("Re[2]: tea", "tea", true), ("Re [2] : tea", "tea", true), ("Re[2: tea", "Re[2: tea", false),
            ("Regarding: tea", "Regarding: tea", false), ("Fwdx: tea", "Fwdx: tea", false), ("re", "re", false),
            ("[list] tea", "tea", false), ("[list] Re: [list] [x] tea", "tea", true), ("[a] [b] re: tea", "tea", true),
            ("[list]", "[list]", false), ("[a][b]", "[b]", false), ("Re: [list]", "[list]", true),
            ("[a[b] c", "[a[b] c", false), ("a]b", "a]b", false), ("tea [list]", "tea [list]", false),
            ("tea (fwd)", "tea", true), ("tea(FWD) (fwd)  ", "tea", true), ("(fwd)", "", true),
            ("[fwd: tea]", "tea", true), ("[FWD: Re: [list] tea (fwd)]", "tea", true), ("[fwd: [fwd: tea]]", "tea", true),
            ("[fwd: tea] x", "x", false), ("[fwd: tea", "[fwd: tea", false), ("Re: [fwd: tea]", "tea", true),
            ("[list] (fwd)", "[list]", true), ("[fwd:]", "", true),
            ("=?utf-8?q?Re:_Gr=C3=BC=C3=9Fe?=", "Grüße", true), ("=?utf-8?q?Re?=: tea", "tea", true),
        ])
    func table(_ subject: String, _ expected: String, _ isReply: Bool) {
        let base = SubjectStem(subject)
        #expect(base.text == expected)
        #expect(base.isReplyOrForward == isReply)
    }

    @Test("a message without a subject has an empty one")
    func none() {
        #expect(SubjectStem(nil) == SubjectStem(""))
    }

    @Test("long ones take no longer than they are", arguments: ["[a]", "re[a", "re:", "[", "[fwd:", "(fwd)", "[fwd:re: ", "re ", "\u{300}"])
    func long(_ piece: String) {
        let text = String(repeating: piece, count: 30_000)
        #expect(SubjectStem(text).text.utf8.count <= text.utf8.count)
        #expect(SubjectStem(text + String(repeating: "]", count: 30_000)).text.utf8.count <= text.utf8.count + 30_000)
    }
}

@Suite struct ThreadLinksTests {
    private func links(_ header: String) -> ThreadLinks {
        var scanner = MessageScanner()
        scanner.consume(ByteBuffer(string: header + "\r\n\r\nText."))
        return ThreadLinks(scanner.finish())
    }

    @Test(
        "References, or else the first of In-Reply-To: RFC 5256 §3",
        arguments: [
            ("Subject: x", []), ("References: <a@x> <b@x>", ["<a@x>", "<b@x>"]), ("In-Reply-To: <a@x>", ["<a@x>"]),
            ("In-Reply-To: <a@x> <b@x>", ["<a@x>"]), ("References: <a@x>\r\nIn-Reply-To: <b@x>", ["<a@x>"]),
            ("In-Reply-To: <b@x>\r\nReferences: <a@x>\r\n <b@x>", ["<a@x>", "<b@x>"]),
            ("References: none\r\nIn-Reply-To: your mail <b@x>", ["<b@x>"]),
            ("References: <\"a\"@x> <\"b\\\"c\"@x>", ["<a@x>", "<b\"c@x>"]),
        ])
    func references(_ header: String, _ expected: [String]) {
        #expect(links(header).references == expected)
    }

    @Test("its own name, without quoting")
    func id() {
        #expect(links("Message-ID: <\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>").id == "<01KF8JCEOCBS0045PS@xxx.yyy.com>")
        #expect(links("Subject: x").id == nil)
    }
}
