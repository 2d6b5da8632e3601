/// In which states a command may come (RFC 9051 §3), asked before its arguments are read; the table of verbs says it.
enum Legality {
    /// A session's state without what belongs to it.
    enum Place: Hashable {
        case notAuthenticated
        case authenticated
        case selected

        fileprivate var state: VerbRow.States {
            switch self {
            case .notAuthenticated: .stranger
            case .authenticated: .authenticated
            case .selected: .selected
            }
        }
    }

    /// Nil when the command may come.
    static func objection(to verb: Verb, in place: Place) -> StatusResponse? {
        let states = verb.row.states
        if states.contains(place.state) { return nil }
        if place == .notAuthenticated { return .bad("Log in first") }
        // S3.
        return states == .stranger ? .bad("Already authenticated") : .bad("Select a mailbox first")
    }
}
