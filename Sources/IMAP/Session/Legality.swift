/// In which states a command may come (RFC 9051 §3), asked before its arguments are read; the table of verbs says it.
enum Legality {
    /// A session's state without what belongs to it.
    enum State: Hashable {
        case notAuthenticated
        case authenticated
        case selected

        fileprivate var asSet: VerbRow.States {
            switch self {
            case .notAuthenticated: .stranger
            case .authenticated: .authenticated
            case .selected: .selected
            }
        }
    }

    /// Nil when the command may come.
    static func objection(to verb: Verb, in state: State) -> StatusResponse? {
        let states = verb.row.states
        if states.contains(state.asSet) { return nil }
        if state == .notAuthenticated { return .bad("Log in first") }
        // S3.
        return states == .stranger ? .bad("Already authenticated") : .bad("Select a mailbox first")
    }
}
