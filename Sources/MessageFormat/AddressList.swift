package import NIOCore

/// The address lists of header fields (RFC 5322 §3.4, §4.4), read as far as they make sense. Linear in the text.
package enum AddressList {
    /// At most `limit` addresses, group markers counted.
    package static func parse(_ text: ByteBuffer, limit: Int = MessageLimits.standard.addresses) -> [EnvelopeAddress] {
        text.withUnsafeReadableBytes { octets in
            var parser = AddressParser(octets, limit: limit)
            return parser.parse()
        }
    }

    package static func parse(_ text: String, limit: Int = MessageLimits.standard.addresses) -> [EnvelopeAddress] {
        parse(ByteBuffer(string: text), limit: limit)
    }
}

/// address-list = (address *("," address)); address = mailbox / group
///
/// Words are gathered until a mark tells what they were: a display name before "<", a group's name before ":", a local
/// part before "@".
struct AddressParser {
    private var lexer: FieldLexer
    private let limit: Int
    private(set) var isCut = false
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
        if isInGroup { add(.groupEnd) }
        return addresses
    }

    /// Up to and with the next mark.
    private mutating func element() {
        gatherWords()
        switch lexer.peek() {
        case UInt8(ascii: "<"):
            angle(name: displayName(words[...]))
        case UInt8(ascii: "@"):
            bare()
        case UInt8(ascii: ":"):
            lexer.index += 1
            if !isInGroup {
                isInGroup = true
                add(.groupStart(HeaderText.string(words)))
            }
            forget()
        case UInt8(ascii: ";"):
            lexer.index += 1
            addWordsAlone()
            if isInGroup { add(.groupEnd) }
            isInGroup = false
        case UInt8(ascii: ","), nil:
            lexer.index += 1
            addWordsAlone()
        default:
            // A mark that means nothing here.
            lexer.index += 1
        }
    }

    private mutating func gatherWords() {
        while true {
            let parted = lexer.skipBlank()
            guard let octet = lexer.peek(), octet == UInt8(ascii: "\"") || OctetSet.phraseAtom.contains(octet) else {
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
                words.append(contentsOf: lexer.run(.phraseAtom))
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
            angle(name: HeaderText.string(words) + "@" + host)
        } else {
            add(EnvelopeAddress(displayName: name ?? lexer.commentText(), mailbox: local, host: host))
            skipToSeparator()
        }
    }

    /// angle-addr = "<" [obs-route] addr-spec ">"
    private mutating func angle(name: String?) {
        lexer.index += 1
        lexer.skipBlank()
        let route = lexer.peek() == UInt8(ascii: "@") ? self.route() : nil
        forget()
        gatherWords()
        let local = HeaderText.string(lastStart == 0 ? lastWord : words)
        let host = lexer.take(UInt8(ascii: "@")) ? domain() : ""
        while let octet = lexer.peek(), octet != UInt8(ascii: ">"), octet != UInt8(ascii: ","),
            octet != UInt8(ascii: "<")
        {
            lexer.index += 1
        }
        _ = lexer.take(UInt8(ascii: ">"))
        lexer.forgetComment()
        lexer.skipBlank()
        add(EnvelopeAddress(displayName: name ?? lexer.commentText(), route: route, mailbox: local, host: host))
        skipToSeparator()
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
            if octet == UInt8(ascii: "\"") {
                lexer.quoted(into: &words)
            } else {
                lexer.index += 1
            }
            lexer.skipBlank()
        }
        forget()
        if lexer.peek() == UInt8(ascii: ",") { lexer.index += 1 }
    }

    private mutating func addWordsAlone() {
        if !words.isEmpty { add(EnvelopeAddress(mailbox: HeaderText.string(words), host: "")) }
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
