/// msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS] (RFC 5322 §3.6.4), and the texts that mailers put around them.
enum MessageIdentifiers {
    /// Every `<...>` of the value, blanks within taken out, in order, at most `limit`. A single word with "@" and
    /// without "<" is read as one, with "<" and ">" put around it.
    static func parse(_ value: UnsafeRawBufferPointer, limit: Int) -> [String] {
        var found: [String] = []
        var start = 0
        while found.count < limit, let open = Lines.index(of: UInt8(ascii: "<"), in: value, from: start) {
            guard let close = Lines.index(of: UInt8(ascii: ">"), in: value, from: open) else { break }
            let inside = value[open...close].filter { $0 > 0x20 }
            if inside.count > 2 { found.append(HeaderText.string(inside)) }
            start = close + 1
        }
        if found.isEmpty, limit > 0 {
            let word = HeaderText.trimmed(value)
            let isPlain = word.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") }
            if isPlain, word.contains(UInt8(ascii: "@")) { found.append("<" + HeaderText.string(word) + ">") }
        }
        return found
    }

    /// Both lists as one, none twice, `own` left out; of more than `limit` the first and the last ones, for a
    /// conversation hangs on its beginning and on the message before.
    static func merged(_ references: [String], _ repliedTo: [String], own: String?, limit: Int) -> [String] {
        guard !references.isEmpty || !repliedTo.isEmpty else { return [] }
        var seen: Set<String> = own.map { [$0] } ?? []
        let all = (references + repliedTo).filter { seen.insert($0).inserted }
        guard all.count > limit, limit > 1 else { return Array(all.prefix(limit)) }
        return [all[0]] + all.suffix(limit - 1)
    }
}
