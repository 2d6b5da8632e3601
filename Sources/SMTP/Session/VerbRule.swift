/// When a verb is legal: the one table of the protocol. Argument grammars are asked only after it has let the verb pass.
struct VerbRule: Sendable {
    /// Where a conversation stands between two commands.
    struct Standing: OptionSet, Sendable {
        let rawValue: UInt8
        /// No EHLO or HELO yet.
        static let connected = Standing(rawValue: 1)
        static let ready = Standing(rawValue: 2)
        /// MAIL was accepted.
        static let envelope = Standing(rawValue: 4)
        /// The first BDAT was accepted.
        static let chunks = Standing(rawValue: 8)
        static let any: Standing = [.connected, .ready, .envelope, .chunks]
    }

    enum Argument: Sendable { case none, optional, required }

    let verb: Verb
    let standing: Standing
    let argument: Argument
    /// On submission ports only after AUTH (RFC 6409 §4.3).
    var needsLogin = false
    /// Without it being offered, the verb is not served.
    var belongsTo: SMTPExtension?

    static let table: [VerbRule] = [
        VerbRule(verb: .ehlo, standing: .any, argument: .required),
        VerbRule(verb: .helo, standing: .any, argument: .required),
        VerbRule(verb: .mail, standing: .ready, argument: .required, needsLogin: true),
        VerbRule(verb: .rcpt, standing: .envelope, argument: .required, needsLogin: true),
        VerbRule(verb: .data, standing: .envelope, argument: .none, needsLogin: true),
        VerbRule(verb: .bdat, standing: [.envelope, .chunks], argument: .required, needsLogin: true, belongsTo: .chunking),
        VerbRule(verb: .rset, standing: .any, argument: .none),
        VerbRule(verb: .noop, standing: .any, argument: .optional),
        VerbRule(verb: .quit, standing: .any, argument: .optional),
        VerbRule(verb: .vrfy, standing: .any, argument: .required, needsLogin: true),
        VerbRule(verb: .expn, standing: .any, argument: .required, needsLogin: true),
        VerbRule(verb: .help, standing: .any, argument: .optional),
        VerbRule(verb: .startTLS, standing: [.ready, .envelope], argument: .none, belongsTo: .startTLS),
        VerbRule(verb: .auth, standing: .ready, argument: .required, belongsTo: .auth),
    ]

    static func of(_ verb: Verb) -> VerbRule? {
        let rule = table[verb.rawValue]
        return rule.verb == verb ? rule : table.first { $0.verb == verb }
    }

    /// Nil when the verb may be carried out.
    func objection(_ standing: Standing, _ terms: Terms, isAuthenticated: Bool, hasArgument: Bool) -> Reply? {
        if let belongsTo, !terms.offers(belongsTo) {
            return verb == .auth && terms.role.needsLogin ? .encryptionRequired : .notOffered
        }
        if verb == .auth, isAuthenticated { return .alreadyAuthenticated }
        if needsLogin, terms.role.needsLogin, !isAuthenticated { return terms.offers(.auth) ? .loginFirst : .startTLSFirst }
        guard self.standing.contains(standing) else { return standing == .connected ? .helloFirst : .badSequence }
        switch argument {
        case .none where hasArgument: return Reply(.unexpectedArgument)
        case .required where !hasArgument: return Reply(.missingArgument)
        default: return nil
        }
    }
}
