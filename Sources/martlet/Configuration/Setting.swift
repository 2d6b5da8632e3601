/// One key of the configuration: all that is known of it. Reading, checking and the reference derive from it.
struct Setting: Sendable {
    /// Where it stands in the file: `limits.message-size`.
    let key: String
    let kind: Kind
    /// The default as one would write it; empty when there is none.
    let standard: String
    /// Other names that the environment may have it by.
    let aliases: [Alias]
    /// What the reference says instead of `standard` where that depends on something.
    let standardNote: String?
    let help: String

    init(
        _ key: String, _ kind: Kind, standard: String = "", aliases: [Alias] = [], standardNote: String? = nil,
        help: String
    ) {
        self.key = key
        self.kind = kind
        self.standard = standard
        self.aliases = aliases
        self.standardNote = standardNote
        self.help = help
    }

    /// `MARTLET_LIMITS_MESSAGE_SIZE`.
    var environmentName: String {
        "MARTLET_" + String(key.map { $0 == "." || $0 == "-" ? "_" : $0 }).uppercased()
    }

    enum Kind: Equatable, Sendable {
        case path
        case domain
        case toggle
        case number(ClosedRange<Int>)
        /// A number with an optional K, M or G behind it, of 1024.
        case octets(ClosedRange<Int>)
        case choice([String])
        /// IP addresses to listen on.
        case addresses
        /// IP addresses and networks in CIDR notation.
        case networks
        /// Names of TLS cipher suites.
        case suites
        /// A user or a group of this machine.
        case login
        /// Whatever a form says.
        case items(ItemForm)

        var isList: Bool {
            switch self {
            case .addresses, .networks, .suites, .items: true
            default: false
            }
        }
    }

    /// A name of the environment that is not derived from the key.
    struct Alias: Equatable, Sendable {
        let name: String
        /// The variable names a file, and the folder that it lies in is meant.
        let meansFolder: Bool

        init(_ name: String, meansFolder: Bool = false) {
            self.name = name
            self.meansFolder = meansFolder
        }
    }
}
