import MailModel
import Storage

// A table's keywords as a mailbox's row and the row beside it have them: spellings with a space between. A place that is free is "\", which is no keyword;
// "\N" behind the first 59 says that N more places are in the row beside.
extension KeywordTable {
    private static let free = "\\"

    var firstText: String {
        var words = places.prefix(FlagBits.places).map { $0?.spelling ?? KeywordTable.free }
        if hasFurther { words.append(KeywordTable.free + "\(places.count - FlagBits.places)") }
        return words.joined(separator: " ")
    }

    var furtherText: String {
        places.dropFirst(FlagBits.places).map { $0?.spelling ?? KeywordTable.free }.joined(separator: " ")
    }

    /// How many further places a mailbox's own text tells of.
    static func furtherPlaces(_ first: String) -> Int {
        guard let last = first.split(separator: " ").last, last.hasPrefix(free), let count = Int(last.dropFirst()) else { return 0 }
        return min(max(count, 0), capacity - FlagBits.places)
    }

    /// `further`: nil where it cannot be read. Then, and where it is too short, the places get names that say so, for messages may have those keywords.
    init(first: String, further: String?) {
        var words = first.split(separator: " ").map { Keyword(String($0)) }
        let count = KeywordTable.furtherPlaces(first)
        guard count > 0 else {
            self.init(places: Array(words.prefix(FlagBits.places)))
            return
        }
        words.removeLast()
        while words.count < FlagBits.places { words.append(nil) }
        words = Array(words.prefix(FlagBits.places))
        let rest = further?.split(separator: " ").map { Keyword(String($0)) } ?? []
        for place in 0..<count { words.append(place < rest.count ? rest[place] : Keyword("$Lost-\(place + FlagBits.places)")) }
        self.init(places: words)
    }

    /// All of it as one text, as catalogues have it: those of before know of no free places and no more than 59.
    var text: String { places.map { $0?.spelling ?? KeywordTable.free }.joined(separator: " ") }
    init(text: String) { self.init(places: text.split(separator: " ").map { Keyword(String($0)) }) }
}

extension KeywordTable {
    /// A mailbox's, as the connection sees it now, and whether all of it can be read; nil: there is no such mailbox.
    static func read(of mailbox: MailboxID, _ connection: Connection) throws -> (table: KeywordTable, isWhole: Bool)? {
        let own = try connection.prepare("SELECT keywords FROM mailbox WHERE id=?")
        try own.bind([.int(mailbox.rawValue)])
        defer { own.reset() }
        guard try own.step() else { return nil }
        let first = own.text(0)
        guard furtherPlaces(first) > 0 else { return (KeywordTable(first: first, further: nil), true) }
        let beside = try connection.prepare("SELECT further FROM keyword WHERE mailbox=?")
        try beside.bind([.int(mailbox.rawValue)])
        defer { beside.reset() }
        let further: String? = try beside.step() ? beside.text(0) : nil
        return (KeywordTable(first: first, further: further), further != nil)
    }
}
