package import Conversation
package import MailModel

/// As whom we speak to another server: what a sender's domain may want to be its own, for its reputation.
package struct SendingIdentity: Hashable, Sendable {
    /// What EHLO says.
    package var name: Domain
    /// Where our connections come from, by family; of a family without one the system chooses.
    package var sources: [AddressFamily: IPAddress]

    package init(name: Domain, sources: [AddressFamily: IPAddress] = [:]) {
        self.name = name
        self.sources = sources
    }
}

/// A way out that the configuration names: servers that are asked instead of a domain's exchangers.
package struct OutgoingRoute: Hashable, Sendable {
    package struct Host: Hashable, Sendable {
        /// A name in ASCII, or an address literal.
        package let name: Domain
        /// 1...65535.
        package let port: Int

        package init(_ name: Domain, port: Int) {
            self.name = name
            self.port = port
        }
    }

    package let name: String
    /// One at least, in the order in which they are tried; each name once.
    package let hosts: [Host]
    package var dialect: MailServer.Dialect
    package var encryption: MailServer.Encryption
    package var login: MailServer.Login?
    /// Hosts on this machine and in private networks too.
    package var allowsPrivate: Bool

    package init(
        name: String, hosts: [Host], dialect: MailServer.Dialect = .smtp, encryption: MailServer.Encryption = .opportunistic,
        login: MailServer.Login? = nil, allowsPrivate: Bool = false
    ) {
        self.name = name
        self.hosts = hosts
        self.dialect = dialect
        self.encryption = encryption
        self.login = login
        self.allowsPrivate = allowsPrivate
    }

    /// As `MailRouter.route(via:allowsPrivate:)` takes them.
    package var exchangers: [MailExchanger] {
        hosts.enumerated().map { MailExchanger(preference: UInt16(clamping: $0.offset), host: $0.element.name) }
    }

    /// A server of this route, which `MailRouter` has found the address of.
    package func mailServer(_ server: MailRoute.Server, as identity: SendingIdentity) -> MailServer {
        let port = hosts.first { $0.name == server.host }?.port ?? dialect.standardPort
        return MailServer(server, port: port, dialect, encryption, login, identity)
    }
}

extension MailServer {
    /// An exchanger, which `MailRouter` has found the address of.
    package init(exchanger server: MailRoute.Server, encryption: Encryption = .opportunistic, as identity: SendingIdentity) {
        self.init(server, port: Dialect.smtp.standardPort, .smtp, encryption, nil, identity)
    }

    fileprivate init(
        _ server: MailRoute.Server, port: Int, _ dialect: Dialect, _ encryption: Encryption, _ login: Login?, _ identity: SendingIdentity
    ) {
        self.init(
            host: server.host.isLiteral ? server.address.description : server.host.value, address: server.address.description, port: port,
            dialect: dialect, encryption: encryption, ownName: identity.name, source: identity.sources[server.address.family]?.description, login: login)
    }
}

extension MailServer.Dialect {
    /// 25; LMTP's is no port that anybody has agreed on, and 24 is what is in use.
    package var standardPort: Int {
        switch self {
        case .smtp: 25
        case .lmtp: 24
        }
    }
}
