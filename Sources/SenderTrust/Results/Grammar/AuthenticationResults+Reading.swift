package import NIOCore

extension AuthenticationResults {
    /// Octets of a field that is read at all; findings, properties of each, and octets of a value that are kept.
    package static let longestField = 64 << 10
    package static let mostFindings = 100
    package static let mostProperties = 32
    package static let longestValue = 1_024

    // authres-payload = [CFWS] authserv-id [ CFWS authres-version ] ( no-result / 1*resinfo ) [CFWS] CRLF       (RFC 8601 §2.2)
    // resinfo         = [CFWS] ";" methodspec [ CFWS reasonspec ] [ 1*( CFWS propspec ) ]
    /// The value of Authentication-Results, or of ARC-Authentication-Results behind its instance, as it stands or unfolded. Nil where it does not say who
    /// says it. What else makes no sense is passed over up to the next ";". Linear.
    package init?(_ value: ByteBuffer) {
        guard value.readableBytes <= AuthenticationResults.longestField else { return nil }
        self.init(Array(value.readableBytesView))
    }

    package init?(_ value: String) {
        guard value.utf8.count <= AuthenticationResults.longestField else { return nil }
        self.init(Array(value.utf8))
    }

    private init?(_ octets: [UInt8]) {
        var lexer = ResultsLexer(octets)
        lexer.skipBlank()
        guard let server = lexer.value(most: AuthenticationResults.longestValue), !server.isEmpty else { return nil }
        var findings: [Finding] = []
        while findings.count < AuthenticationResults.mostFindings, lexer.skipStatement() {
            if let finding = AuthenticationResults.finding(&lexer) { findings.append(finding) }
        }
        self.init(server: server, findings: findings)
    }

    // methodspec = [CFWS] method [CFWS] "=" [CFWS] result
    // method     = Keyword [ [CFWS] "/" [CFWS] method-version ]
    private static func finding(_ lexer: inout ResultsLexer) -> Finding? {
        lexer.skipBlank()
        let method = lexer.keyword()
        lexer.skipBlank()
        if lexer.take("/") {
            lexer.skipBlank()
            _ = lexer.keyword()
            lexer.skipBlank()
        }
        guard !method.isEmpty, lexer.take("=") else { return nil }
        lexer.skipBlank()
        let result = lexer.keyword()
        guard !result.isEmpty else { return nil }
        var finding = Finding(method: method, result: result)
        while lexer.skipBlank(), readStatement(&lexer, into: &finding) {}
        return finding
    }

    // reasonspec = "reason" [CFWS] "=" [CFWS] value
    // propspec   = ptype [CFWS] "." [CFWS] property [CFWS] "=" pvalue
    /// False where nothing more of the finding can be understood.
    private static func readStatement(_ lexer: inout ResultsLexer, into finding: inout Finding) -> Bool {
        let word = lexer.keyword()
        guard !word.isEmpty else { return false }
        lexer.skipBlank()
        var name: String?
        if lexer.take(".") {
            lexer.skipBlank()
            name = lexer.keyword()
            lexer.skipBlank()
        }
        guard lexer.take("=") else { return false }
        lexer.skipBlank()
        let value = lexer.value(most: longestValue) ?? ""
        if let name {
            guard !name.isEmpty else { return true }
            if finding.properties.count < mostProperties { finding.properties.append(Property(type: word, name: name, value: value)) }
        } else if word == "reason", finding.reason == nil {
            finding.reason = value
        }
        // `action=none` and the like: a big vendor's own.
        return true
    }
}
