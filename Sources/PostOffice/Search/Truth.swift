/// Three truths: what the facts at hand leave open is unknown.
enum Truth: Sendable {
    case yes
    case no
    case unknown

    init(_ value: Bool) { self = value ? .yes : .no }

    static prefix func ! (a: Truth) -> Truth {
        switch a {
        case .yes: .no
        case .no: .yes
        case .unknown: .unknown
        }
    }
}
