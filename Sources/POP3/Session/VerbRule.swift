/// When a verb is legal: the one table of the protocol. Argument grammars are asked only after it has let the verb pass.
struct VerbRule: Sendable {
    /// RFC 1939 §3; UPDATE takes no commands.
    enum State: Sendable { case authorization, transaction }
    enum Argument: Sendable { case none, optional, required }

    let states: Set<State>
    let argument: Argument
    /// Without it being offered, the verb is not served.
    let belongsTo: Capability.Name?

    private init(_ states: Set<State>, _ argument: Argument = .none, _ belongsTo: Capability.Name? = nil) {
        self.states = states
        self.argument = argument
        self.belongsTo = belongsTo
    }

    private static let stranger: Set<State> = [.authorization]
    private static let member: Set<State> = [.transaction]
    private static let both: Set<State> = [.authorization, .transaction]

    /// APOP is not in it: nobody's password is known here in plain text (RFC 1939 §7).
    static let table: [Verb: VerbRule] = [
        .user: VerbRule(stranger, .required, .user), .pass: VerbRule(stranger, .required, .user),
        .auth: VerbRule(stranger, .required, .sasl), .stls: VerbRule(stranger, .none, .stls),
        .utf8: VerbRule(stranger, .none, .utf8), .lang: VerbRule(both, .optional, .lang),
        .capa: VerbRule(both), .quit: VerbRule(both),
        .stat: VerbRule(member), .list: VerbRule(member, .optional), .retr: VerbRule(member, .required),
        .dele: VerbRule(member, .required), .noop: VerbRule(member), .rset: VerbRule(member),
        .top: VerbRule(member, .required, .top), .uidl: VerbRule(member, .optional, .uidl),
    ]

    /// Nil when the command may be carried out.
    static func objection(to verb: Verb, in state: State, _ circumstances: Capability.Circumstances, hasArgument: Bool) -> Reply? {
        guard let rule = table[verb] else { return .notServed }
        guard rule.states.contains(state) else { return state == .authorization ? .logInFirst : .loggedIn }
        if let name = rule.belongsTo, !Capability.offers(name, circumstances) {
            switch name {
            case .user, .sasl: return .needsTLS
            case .stls where circumstances.isSecure: return .tlsActive
            default: return .notServed
            }
        }
        switch rule.argument {
        case .none where hasArgument: return Reply(.unexpectedArgument)
        case .required where !hasArgument: return Reply(.missingArgument)
        default: return nil
        }
    }
}
