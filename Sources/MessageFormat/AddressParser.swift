/// address-list = (address *("," address)); address = mailbox / group
///
/// Words are gathered until a mark tells what they were: a display name before "<", a group's name before ":", a local
/// part before "@".
struct AddressParser {
    private var lexer: FieldLexer
    private let limit: Int
    private(set) var isCut = false
    private var isGuessed = false
    private var addresses: [EnvelopeAddress] = []
    private var words: [UInt8] = []
    // The last of them with what dots join to it, blanks left out; where it begins in `words`. A local part without "<"
    // is that word alone.
    private var lastWord: [UInt8] = []
    private var lastStart = 0
    private var isInGroup = false

    init(_ octets: UnsafeRawBufferPointer, limit: Int) {
        lexer = FieldLexer(octets)
        self.limit = limit
    }

    mutating func parse() -> [EnvelopeAddress] {
        while !lexer.isAtEnd, !isCut { element() }
        if isInGroup {
            isGuessed = true
            add(.groupEnd)
        }
        return addresses
    }

    /// What was read is what the RFC's grammar says, and nothing was passed over.
    var isClear: Bool { !isGuessed && !isCut && !lexer.isUnclosed }

    /// Up to and with the next mark.
    private mutating func element() {
        gatherWords()
        switch lexer.peek() {
        case UInt8(ascii: "<"):
            angle(name: words)
        case UInt8(ascii: "@"):
            bare()
        case UInt8(ascii: ":"):
            lexer.index += 1
            if isInGroup {
                isGuessed = true
            } else {
                isInGroup = true
                add(.groupStart(HeaderText.string(words)))
            }
            forget()
        case UInt8(ascii: ";"):
            lexer.index += 1
            addWordsAlone()
            if isInGroup { add(.groupEnd) } else { isGuessed = true }
            isInGroup = false
        case UInt8(ascii: ","), nil:
            lexer.index += 1
            addWordsAlone()
        default:
            // A mark that means nothing here.
            isGuessed = true
            lexer.index += 1
        }
    }

    private mutating func gatherWords() {
        while true {
            let parted = lexer.skipBlank()
            guard let octet = lexer.peek(), octet == UInt8(ascii: "\"") || OctetSet.phraseWord.contains(octet) else {
                return
            }
            if parted, let last = words.last {
                words.append(UInt8(ascii: " "))
                if last != UInt8(ascii: "."), octet != UInt8(ascii: ".") {
                    lastWord.removeAll(keepingCapacity: true)
                    lastStart = words.count
                }
            }
            let start = words.count
            if octet == UInt8(ascii: "\"") {
                lexer.quoted(into: &words)
            } else {
                words.append(contentsOf: lexer.run(.phraseWord))
            }
            lastWord += words[start...]
        }
    }

    /// addr-spec without "<"; what stands before its last word is taken as a name.
    private mutating func bare() {
        let local = HeaderText.string(lastWord)
        let name = displayName(words[..<max(0, lastStart - 1)])
        lexer.index += 1
        let host = domain()
        lexer.skipBlank()
        if lexer.peek() == UInt8(ascii: "<") {
            // user@example.org <user@example.org>: a name that should have been quoted.
            let shown = Array((HeaderText.string(words) + "@" + host).utf8)
            angle(name: shown)
            if addresses.last?.addrSpec.map({ Array($0.utf8) == shown }) != true { isGuessed = true }
        } else {
            if local.isEmpty || host.isEmpty || lastStart > 0 { isGuessed = true }
            add(EnvelopeAddress(displayName: name ?? lexer.commentText(), mailbox: local, host: host))
            skipToSeparator()
        }
    }

    /// angle-addr = "<" [obs-route] addr-spec ">"
    ///
    /// Brackets around no address belong to the name when others follow: News <EU> <a@b>. Doubled ones count once: <<a@b>>.
    private mutating func angle(name: [UInt8]) {
        var name = name
        while true {
            lexer.index += 1
            lexer.skipBlank()
            while lexer.take(UInt8(ascii: "<")) {
                isGuessed = true
                lexer.skipBlank()
            }
            let route = lexer.peek() == UInt8(ascii: "@") ? self.route() : nil
            forget()
            gatherWords()
            let text = lastStart == 0 ? lastWord : words
            let hasDomain = lexer.take(UInt8(ascii: "@"))
            let host = hasDomain ? domain() : ""
            endAngle()
            lexer.forgetComment()
            lexer.skipBlank()
            if route != nil || text.isEmpty || host.isEmpty { isGuessed = true }
            if route == nil, !hasDomain, lexer.peek() == UInt8(ascii: "<") {
                guard !text.isEmpty else { continue }
                if !name.isEmpty { name.append(UInt8(ascii: " ")) }
                name.append(UInt8(ascii: "<"))
                name += text
                name.append(UInt8(ascii: ">"))
                continue
            }
            add(
                EnvelopeAddress(
                    displayName: displayName(name[...]) ?? lexer.commentText(), route: route, mailbox: HeaderText.string(text), host: host))
            return skipToSeparator()
        }
    }

    /// Behind the ">" that ends an angle-addr, and others that follow it.
    private mutating func endAngle() {
        lexer.skipBlank()
        while let octet = lexer.peek(), octet != UInt8(ascii: ">"), octet != UInt8(ascii: ","), octet != UInt8(ascii: "<") {
            isGuessed = true
            lexer.index += 1
        }
        if !lexer.take(UInt8(ascii: ">")) { isGuessed = true }
        while lexer.take(UInt8(ascii: ">")) { isGuessed = true }
    }

    // obs-route = "@" domain *("," "@" domain) ":"
    private mutating func route() -> String? {
        let start = lexer.index
        var text: [UInt8] = []
        // Not beyond another "<": its own route will be looked for, so that no octet is read for two.
        while let octet = lexer.peek(), octet != UInt8(ascii: ":"), octet != UInt8(ascii: ">"),
            octet != UInt8(ascii: "<")
        {
            if octet > 0x20 { text.append(octet) }
            lexer.index += 1
        }
        guard lexer.take(UInt8(ascii: ":")) else {
            lexer.index = start
            return nil
        }
        return HeaderText.string(text)
    }

    /// dot-atom, domain-literal or obs-domain, blanks around its dots left out.
    private mutating func domain() -> String {
        var text: [UInt8] = []
        lexer.skipBlank()
        if lexer.peek() == UInt8(ascii: "[") {
            while let octet = lexer.peek() {
                lexer.index += 1
                if octet > 0x20 { text.append(octet) }
                if octet == UInt8(ascii: "]") { break }
            }
            return HeaderText.string(text)
        }
        while true {
            text.append(contentsOf: lexer.run(.phraseAtom))
            lexer.forgetComment()
            lexer.skipBlank()
            guard let octet = lexer.peek(), OctetSet.phraseAtom.contains(octet),
                octet == UInt8(ascii: ".") || text.last == UInt8(ascii: ".")
            else { return HeaderText.string(text) }
        }
    }

    /// Leaves out what follows an address up to the next separator; another "<" or ":" begins something of its own.
    private mutating func skipToSeparator() {
        forget()
        while let octet = lexer.peek(), octet != UInt8(ascii: ","), octet != UInt8(ascii: ";"),
            octet != UInt8(ascii: "<")
        {
            isGuessed = true
            if octet == UInt8(ascii: "\"") {
                lexer.quoted(into: &words)
            } else {
                lexer.index += 1
            }
            lexer.skipBlank()
        }
        if lexer.peek() == UInt8(ascii: "<") { isGuessed = true }
        forget()
        if lexer.peek() == UInt8(ascii: ",") { lexer.index += 1 }
    }

    private mutating func addWordsAlone() {
        if !words.isEmpty {
            isGuessed = true
            add(EnvelopeAddress(mailbox: HeaderText.string(words), host: ""))
        }
        forget()
    }

    private func displayName(_ words: ArraySlice<UInt8>) -> String? {
        words.isEmpty ? nil : HeaderText.string(Array(words))
    }

    private mutating func forget() {
        words.removeAll(keepingCapacity: true)
        lastWord.removeAll(keepingCapacity: true)
        lastStart = 0
        lexer.forgetComment()
    }

    private mutating func add(_ address: EnvelopeAddress) {
        guard addresses.count < limit else {
            isCut = true
            return
        }
        addresses.append(address)
    }
}
