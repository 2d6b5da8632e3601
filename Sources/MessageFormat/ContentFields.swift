/// The structured fields of MIME headers, read as far as they make sense.
enum ContentFields {
    /// content = type "/" subtype *(";" parameter) (RFC 2045 §5.1). Nil when there is no type and subtype.
    static func type(
        _ value: UnsafeRawBufferPointer, limit: Int
    ) -> (type: String, subtype: String, parameters: [Parameter])? {
        var lexer = FieldLexer(value)
        lexer.skipBlank()
        let type = lexer.run(.token)
        lexer.skipBlank()
        guard !type.isEmpty, lexer.take(UInt8(ascii: "/")) else { return nil }
        lexer.skipBlank()
        let subtype = lexer.run(.token)
        guard !subtype.isEmpty else { return nil }
        return (HeaderText.lowercased(type), HeaderText.lowercased(subtype), parameters(&lexer, limit: limit))
    }

    /// disposition = disposition-type *(";" parameter) (RFC 2183 §2).
    static func disposition(_ value: UnsafeRawBufferPointer, limit: Int) -> Part.Disposition? {
        var lexer = FieldLexer(value)
        lexer.skipBlank()
        let kind = lexer.run(.token)
        guard !kind.isEmpty else { return nil }
        return Part.Disposition(kind: HeaderText.lowercased(kind), parameters: parameters(&lexer, limit: limit))
    }

    /// The mechanism of a Content-Transfer-Encoding (RFC 2045 §6.1), in lower case; nil for an empty one.
    static func encoding(_ value: UnsafeRawBufferPointer) -> String? {
        var lexer = FieldLexer(value)
        lexer.skipBlank()
        let name = lexer.run(.token)
        return name.isEmpty ? nil : HeaderText.lowercased(name)
    }

    /// Language-list = Language-Tag *("," Language-Tag) (RFC 3282 §2); at most 100.
    static func languages(_ value: UnsafeRawBufferPointer) -> [String] {
        var lexer = FieldLexer(value)
        var tags: [String] = []
        while !lexer.isAtEnd, tags.count < 100 {
            lexer.skipBlank()
            let tag = lexer.run(.token)
            if !tag.isEmpty { tags.append(HeaderText.string(tag)) } else { lexer.index += 1 }
        }
        return tags
    }

    /// A Content-Location: a URI that folding may have cut (RFC 2557 §4.4.2).
    static func location(_ value: UnsafeRawBufferPointer) -> String? {
        let octets = value.filter { $0 > 0x20 }
        return octets.isEmpty ? nil : HeaderText.string(octets)
    }

    /// *(";" attribute "=" value). At most `limit` are read.
    private static func parameters(_ lexer: inout FieldLexer, limit: Int) -> [Parameter] {
        var pieces: [ParameterPiece] = []
        while pieces.count < limit {
            lexer.skipBlank()
            while lexer.take(UInt8(ascii: ";")) { lexer.skipBlank() }
            guard !lexer.isAtEnd else { break }
            let name = lexer.run(.token)
            lexer.skipBlank()
            guard !name.isEmpty, lexer.take(UInt8(ascii: "=")) else {
                skipToSemicolon(&lexer, from: name)
                continue
            }
            var piece = ParameterPiece(name: name, value: "")
            piece.value = value(&lexer, isFileName: piece.isFileName)
            pieces.append(piece)
        }
        return ParameterPiece.joined(pieces)
    }

    private static func skipToSemicolon(_ lexer: inout FieldLexer, from name: UnsafeRawBufferPointer) {
        if name.isEmpty { lexer.index += 1 }
        var ignored: [UInt8] = []
        while let octet = lexer.peek(), octet != UInt8(ascii: ";") {
            if octet == UInt8(ascii: "\"") { lexer.quoted(into: &ignored) } else { lexer.index += 1 }
            // A parameter whose semicolon was forgotten: text/plain charset=utf-8.
            if octet <= 0x20, let next = lexer.peek(), OctetSet.token.contains(next) { return }
        }
    }

    /// value = token / quoted-string. Without quotes it is read up to a semicolon, blanks within kept: name=My
    /// File.pdf. A file name's parentheses are its own, no comments: name=a(1).pdf.
    private static func value(_ lexer: inout FieldLexer, isFileName: Bool) -> String {
        if isFileName { lexer.skipSpace() } else { lexer.skipBlank() }
        var text: [UInt8] = []
        if lexer.peek() == UInt8(ascii: "\"") {
            lexer.quoted(into: &text)
            return HeaderText.string(text)
        }
        while true {
            let word = lexer.run(isFileName ? .looseFileName : .looseValue)
            if word.isEmpty { break }
            if !text.isEmpty { text.append(0x20) }
            text.append(contentsOf: word)
            if isFileName { lexer.skipSpace() } else { lexer.skipBlank() }
        }
        return HeaderText.string(text)
    }
}

/// A parameter as written, perhaps one segment of a long one: `name*2*` (RFC 2231 §3, §4.1).
struct ParameterPiece {
    var name: String
    var segment: Int?
    var isEncoded: Bool
    var value: String

    init(name octets: UnsafeRawBufferPointer, value: String) {
        self.value = value
        var end = octets.count
        isEncoded = end > 1 && octets[end - 1] == UInt8(ascii: "*")
        if isEncoded { end -= 1 }
        // The segment's number: at most three digits, for there are at most 1,000 parameters.
        var start = end
        while start > 0, OctetSet.digits.contains(octets[start - 1]) { start -= 1 }
        if start > 1, octets[start - 1] == UInt8(ascii: "*"), (1...3).contains(end - start) {
            segment = octets[start..<end].reduce(0) { $0 * 10 + Int($1 - 0x30) }
            end = start - 1
        }
        name = HeaderText.lowercased(UnsafeRawBufferPointer(rebasing: octets[..<end]))
    }

    /// Of Content-Type or of Content-Disposition (RFC 2183 §2.3).
    var isFileName: Bool { name == "name" || name == "filename" }

    /// Parameters in the order of their first pieces; segments joined in order, up to the first that is missing.
    static func joined(_ pieces: [ParameterPiece]) -> [Parameter] {
        guard pieces.contains(where: { $0.segment != nil }) else {
            return pieces.map { Parameter(name: $0.isEncoded ? $0.name + "*" : $0.name, value: $0.value) }
        }
        var segments: [String: [Int: ParameterPiece]] = [:]
        for piece in pieces {
            if let number = piece.segment, segments[piece.name]?[number] == nil {
                segments[piece.name, default: [:]][number] = piece
            }
        }
        return pieces.compactMap { piece in
            guard piece.segment != nil else {
                return Parameter(name: piece.isEncoded ? piece.name + "*" : piece.name, value: piece.value)
            }
            return segments.removeValue(forKey: piece.name).flatMap { join($0, name: piece.name) }
        }
    }

    private static func join(_ segments: [Int: ParameterPiece], name: String) -> Parameter? {
        var run: [ParameterPiece] = []
        while let next = segments[run.count] { run.append(next) }
        guard let first = run.first else { return nil }
        guard first.isEncoded else { return Parameter(name: name, value: run.map(\.value).joined()) }
        let value = run.map { $0.isEncoded ? $0.value : ExtendedValue.percentEncoded($0.value) }.joined()
        return Parameter(name: name + "*", value: value)
    }
}
