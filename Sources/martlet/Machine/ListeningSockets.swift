import Transport

/// The sockets that services listen at: those that a service manager gave, those that were bound while this was root, and the others, which are bound when they are
/// asked for.
struct ListeningSockets: Sendable {
    private let inherited: InheritedSockets
    private var bound: [InheritedSockets.Place: Int32] = [:]
    /// Ports that have a listener of IPv4 alone: one at `::` beside it leaves IPv4 to it.
    private let portsOfIPv4: Set<Int>

    /// Throws `CommandFault` for one that no listener is configured for.
    init(_ inherited: InheritedSockets, for configuration: Configuration) throws {
        try inherited.check(against: configuration)
        self.inherited = inherited
        portsOfIPv4 = Set(configuration.listeners.filter { !$0.address.contains(":") }.map(\.port))
    }

    /// Binds those that nobody gave; nobody can connect yet. Throws `CommandFault`; of the web's a port that cannot be had is tried again, and told, when it is asked for.
    mutating func bind(_ listeners: [Configuration.Listener]) throws {
        for listener in listeners {
            guard let place = listener.place, inherited.files[place] == nil else { continue }
            do throws(Listener.Fault) {
                bound[place] = try bind(listener)
            } catch {
                if !listener.service.isWeb { throw ListeningSockets.fault(error) }
            }
        }
    }

    private func bind(_ listener: Configuration.Listener) throws(Listener.Fault) -> Int32 {
        try PortSocket.bind(listener.address, port: listener.port, isOnlyIPv6: portsOfIPv4.contains(listener.port))
    }

    /// One that listens.
    func open(_ listener: Configuration.Listener) throws(Listener.Fault) -> Int32 {
        let ready = listener.place.flatMap { inherited.files[$0] ?? bound[$0] }
        let file = if let ready { ready } else { try bind(listener) }
        try PortSocket.listen(file, listener.address, port: listener.port)
        return file
    }

    /// That of `sendmail.socket`, where the service manager gave it.
    func submission(at path: String) -> Int32? { inherited.files[.path(path)] }

    /// What is said of a port that is needed and cannot be had.
    static func fault(_ fault: Listener.Fault) -> CommandFault {
        CommandFault(code: Sysexit.unavailable, text: "\(fault); stop what listens there, or set another MARTLET_PORT_OFFSET")
    }
}
