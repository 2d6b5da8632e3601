import MailModel
import Testing

@testable import IMAP

@Suite("The table of verbs")
struct VerbTableTests {
    @Test("each name is there once, is found, and fits what is read of one")
    func names() {
        let names = VerbTable.rows.map(\.name)
        #expect(Set(names).count == names.count)
        for verb in Verb.allCases {
            #expect(Verb(verb.rawValue) == verb)
            #expect(verb.rawValue.split(separator: " ").allSatisfy { $0.utf8.count <= CommandReader.longestVerb })
        }
    }

    @Test("of two forms of a command the one names by UID what the other names by number, and all else is the same: RFC 9051 §6.4.9")
    func twins() throws {
        for verb in Verb.allCases where verb.rawValue.hasPrefix("UID ") && verb.rawValue != "UID EXPUNGE" {
            let (row, twin) = (verb.row, try #require(Verb(String(verb.rawValue.dropFirst(4)))).row)
            #expect(row.messages.numbering == .uid && row.messages.tellsExpunges && twin.messages.numbering == .sequence)
            #expect(row.states == twin.states && row.news == twin.news && row.form == twin.form)
            #expect(row.rights.selected == twin.rights.selected && row.rights.named == twin.rights.named)
            #expect(row.rights.addsMessages == twin.rights.addsMessages)
        }
    }

    @Test("expunges wait for FETCH, STORE and SEARCH, and for what answers by numbers as they do: RFC 9051 §7.5.1, RFC 5256 §3")
    func expunges() {
        let waiting = VerbTable.rows.filter { !$0.messages.tellsExpunges }.map(\.name)
        #expect(Set(waiting) == ["FETCH", "STORE", "SEARCH", "SORT", "THREAD"])
    }

    @Test("whoever looks at the selected mailbox has its rights asked again, but to leave it: RFC 4314 §4")
    func looking() {
        for row in VerbTable.rows where row.states == .selected {
            guard case .execution = row.action else { continue }
            #expect((row.rights.selected == nil) == (row.name == "CLOSE"), "\(row.name)")
        }
    }

    @Test("the rights of a row are those without which the office refuses: RFC 4314 §4", arguments: RightsTable.rows)
    func rights(_ tried: RightsTable.Row) throws {
        let named = Verb.allCases.filter { tried.line == $0.rawValue || tried.line.hasPrefix($0.rawValue + " ") }
        let verb = try #require(named.max { $0.rawValue.count < $1.rawValue.count })
        guard let needed = tried.isSelected ? verb.row.rights.selected : verb.row.rights.named else { return }
        // With another's mailbox as target, or as source, the other side is one's own.
        for right in Rights.letters.map(\.right) where needed.contains(right) {
            #expect(tried.outcome(Rights.all.subtracting(right)) != .ok, "\(tried.line) without \(right)")
        }
    }
}
