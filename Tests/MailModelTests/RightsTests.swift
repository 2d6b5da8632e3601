import MailModel
import Testing

@Suite("Rights")
struct RightsTests {
    @Test(
        "are read, and told with the obsolete ones: RFC 4314 §2.1.1",
        arguments: [
            ("", "", ""), ("lr", "lr", "lr"), ("aetxkpiwsrl", "lrswipkxtea", "lrswipkxteacd"), ("c", "kx", "kxc"), ("d", "te", "ted"),
            ("lrswida", "lrswitea", "lrswitead"), ("k", "k", "kc"), ("x", "x", "xc"), ("t", "t", "td"), ("e", "e", "ed"), ("llr", "lr", "lr"),
        ])
    func letters(_ text: String, _ plain: String, _ told: String) throws {
        let rights = try #require(Rights(letters: text))
        #expect(rights.description == plain && rights.letters == told)
        #expect(Rights(letters: told) == (text.contains(where: "cdkxte".contains) ? Rights(letters: told) : rights))
    }

    @Test("an unknown letter is never passed over: RFC 4314 §3.1", arguments: ["lrq", "L", "l r", "0", "lr+", "é"])
    func unknown(_ text: String) {
        #expect(Rights(letters: text) == nil)
    }

    @Test("changes add, take away and replace")
    func changes() {
        let rights: Rights = [.lookup, .read]
        #expect(RightsChange.add([.insert]).applied(to: rights) == [.lookup, .read, .insert])
        #expect(RightsChange.remove([.read, .seen]).applied(to: rights) == [.lookup])
        #expect(RightsChange.replace([.post]).applied(to: rights) == [.post])
    }

    @Test("flags are parted into those of s, t and w: RFC 4314 §4")
    func scopes() throws {
        let red = try #require(Keyword("red"))
        let flags = Flags(system: [.seen, .deleted, .draft], keywords: [red])
        #expect(flags.within(Rights.seen.flags) == Flags(system: .seen))
        #expect(flags.within(Rights.deleteMessages.flags) == Flags(system: .deleted))
        #expect(flags.within(Rights.write.flags) == Flags(system: .draft, keywords: [red]))
        #expect(flags.within(Rights.all.flags) == flags && flags.within(Rights.read.flags).isEmpty)
        #expect(FlagScope.all.bits.rawValue == .max && FlagScope().bits.rawValue == 0)
    }
}
