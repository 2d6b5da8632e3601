/// What `martlet serve` shows when it runs with the embedded default: where it listens, and how to send and read a first message.
struct WelcomeScreen {
    private let configuration: Configuration
    private let listeners: [Configuration.Listener]
    private let data: String
    private let key: String
    private let newcomers: [FirstAccounts.Newcomer]

    /// `listeners`: those that are there. `newcomers`: accounts made at this start; their passwords are shown, this once.
    init(_ configuration: Configuration, _ listeners: [Configuration.Listener], _ data: String, key: String, _ newcomers: [FirstAccounts.Newcomer]) {
        self.configuration = configuration
        self.listeners = listeners
        self.data = data
        self.key = key
        self.newcomers = newcomers
    }

    var text: String {
        ([""] + listening + [""] + accounts + [""] + firstMessage + outbound
            + [
                "", "Data: \(data)   Master key: \(key) (keep a copy of it elsewhere)",
                "Ctrl-C stops the server; what it holds stays.", "",
            ])
            .joined(separator: "\n")
    }

    private var listening: [String] {
        ["\(ProductVersion.text) listens:"]
            + listeners.map { listener in
                let name = listener.service.rawValue
                let place = WelcomeScreen.place(listener)
                return "  \(name)" + padding(name, 13) + place + padding(place, 18) + listener.service.summary
            }
    }

    private var accounts: [String] {
        guard let domain = configuration.domain else { return [] }
        guard !newcomers.isEmpty else {
            return ["Accounts: `martlet account list`. A new password: `martlet account password alice@\(domain)`."]
        }
        return ["Accounts, with passwords that are shown this once:"]
            + newcomers.map { "  \($0.name)" + padding($0.name, 24) + $0.password }
    }

    /// Lines to paste; they work as they are, except that a password that is not known here must be typed.
    private var firstMessage: [String] {
        guard let domain = configuration.domain else { return [] }
        let reader = newcomers.last?.name ?? "bob@\(domain)"
        var lines = ["Send a first message, and read it:"]
        if let sender = newcomers.first, let submission = listener(.submission) {
            lines.append(
                "  swaks --server \(WelcomeScreen.place(submission)) --tls --auth PLAIN --auth-user \(sender.name) --auth-password \(sender.password) "
                    + "--from \(sender.name) --to \(reader) --header 'Subject: Hello' --body 'It works.'")
        } else if let smtp = listener(.smtp) {
            lines.append(
                "  swaks --server \(WelcomeScreen.place(smtp)) --tls-optional --from somebody@example.net --to \(reader) "
                    + "--header 'Subject: Hello' --body 'It works.'")
        }
        if let imaps = listener(.imaps) {
            let user = newcomers.last.map { "\($0.name):\($0.password)" } ?? reader
            lines.append("  curl -k --user \(user) 'imaps://\(WelcomeScreen.place(imaps))/INBOX;MAILINDEX=1'")
        }
        return lines.count > 1 ? lines : []
    }

    private var outbound: [String] {
        guard !configuration.outbound.enabled else { return [] }
        return [
            "", "Mail to other servers is queued and held: nothing leaves this machine.",
            "  To send it, start with MARTLET_OUTBOUND_ENABLED=true, or with a configuration file of your own.",
        ]
    }

    private func listener(_ service: Service) -> Configuration.Listener? {
        listeners.first { $0.service == service }
    }

    private static func place(_ listener: Configuration.Listener) -> String {
        // A server that listens everywhere is here too.
        switch listener.address {
        case "0.0.0.0": "127.0.0.1:\(listener.port)"
        case let address where address.contains(":"): "[\(address == "::" ? "::1" : address)]:\(listener.port)"
        default: "\(listener.address):\(listener.port)"
        }
    }

    private func padding(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count))
    }
}
