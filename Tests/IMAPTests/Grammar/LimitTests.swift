import MailModel
import Testing

@testable import IMAP

@Suite struct LimitTests {
    @Test(
        "UIDAFTER and UIDBEFORE: RFC 9738 §4",
        arguments: [
            ("UIDAFTER 5", SearchKey.uid(.spans((6, .max)))), ("UIDBEFORE 5", .uid(.spans((1, 4)))),
            ("uidafter 4294967295", .not(.all)), ("UIDBEFORE 1", .not(.all)), ("UIDBEFORE 2", .uid(.spans((1, 1)))),
        ])
    func keys(_ text: String, _ expected: SearchKey) throws {
        #expect(try command("UID SEARCH \(text)") == .search(SearchArguments(key: expected), .uid))
    }

    @Test("what is no UID throws", arguments: ["UIDAFTER", "UIDAFTER *", "UIDAFTER 0", "UIDBEFORE 1:2", "UIDBEFORE 4294967296"])
    func faults(_ text: String) {
        #expect(throws: SyntaxError.self) { try command("SEARCH \(text)") }
    }

    @Test("response codes and UIDFETCH: RFC 9738 §4, RFC 9586 §4")
    func codes() {
        #expect(written { $0.write(.messageLimit(1_000, nil)) } == "MESSAGELIMIT 1000")
        #expect(written { $0.write(.messageLimit(1_000, UID(rawValue: 77))) } == "MESSAGELIMIT 1000 77")
        #expect(written { $0.write(.uidRequired) } == "UIDREQUIRED")
        let fetch = written { output in
            output.writeText(about: 0) { text in
                var response = FetchResponse(uid: .last, &text)
                response.modSeq(mod(9), &text)
                response.end(&text)
            }
        }
        #expect(fetch == "* 4294967295 UIDFETCH (MODSEQ (9))\r\n")
    }

    @Test("UNAUTHENTICATE has no arguments: RFC 8437 §6")
    func unauthenticate() throws {
        #expect(try command("unauthenticate") == .unauthenticate)
        #expect(throws: SyntaxError.self) { try command("UNAUTHENTICATE now") }
    }
}
