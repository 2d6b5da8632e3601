package import Conversation
package import MailModel
package import NIOCore
package import Storage

/// Who brings messages to other servers: SMTP's and LMTP's client side.
package protocol Carrier: Sendable {
    /// Connects and greets: ready for a message when it returns. Throws `CarrierFault`.
    func connect(to server: MailServer) async throws -> any CarrierConnection
}

/// A connection to another server. One message at a time.
package protocol CarrierConnection: Sendable {
    var facts: CarrierFacts { get }

    /// Hands a message over. Returns when the server has answered for each recipient, or when it is known that it will not; it does not throw.
    func send(_ message: OutgoingMessage) async -> CarrierReport

    /// QUIT, without waiting for its answer.
    func close() async
}

/// Where one connection goes.
package struct MailServer: Hashable, Sendable {
    package enum Dialect: Hashable, Sendable {
        case smtp
        /// RFC 2033: an answer for each recipient after the dot.
        case lmtp
    }

    package enum Encryption: Hashable, Sendable {
        /// STARTTLS where it is offered; nobody's certificate is asked about.
        case opportunistic
        /// None: a handshake has failed before.
        case never
        /// STARTTLS, or from the first octet, with a certificate that authorities vouch for: what a route of the configuration wants.
        case required(implicit: Bool)
        /// STARTTLS, and what was published for the server.
        case published(TLSRequirement)
    }

    package struct Login: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
        package let user: String
        package let password: String
        package init(user: String, password: String) {
            self.user = user
            self.password = password
        }
        package var description: String { "Login(…)" }
        package var customMirror: Mirror { Mirror(self, children: [Mirror.Child]()) }
    }

    /// As certificates and logs name it.
    package var host: String
    /// An IP address, as text.
    package var address: String
    package var port: Int
    package var dialect: Dialect
    package var encryption: Encryption
    /// It has to offer REQUIRETLS, in TLS (RFC 8689 §4.2.1).
    package var demandsRequireTLS = false
    /// What we say in EHLO.
    package var ownName: Domain
    /// Our address; nil: the system's choice.
    package var source: String?
    package var login: Login?

    package init(
        host: String, address: String, port: Int = 25, dialect: Dialect = .smtp, encryption: Encryption = .opportunistic, ownName: Domain,
        source: String? = nil, login: Login? = nil
    ) {
        self.host = host
        self.address = address
        self.port = port
        self.dialect = dialect
        self.encryption = encryption
        self.ownName = ownName
        self.source = source
        self.login = login
    }
}

/// What a connection is and can.
package struct CarrierFacts: Hashable, Sendable {
    package var address: String
    /// Our address; empty where it is not known.
    package var source: String
    /// `TLSv1.3`; nil: in clear.
    package var tlsVersion: String?
    /// Nil: it has not said.
    package var sizeLimit: Int?
    /// MAILMAX of LIMITS (RFC 9422): messages that one connection may bring; nil: it has not said.
    package var messageLimit: Int?
    /// The domain of addresses that have none, as our own server tells programs of its machine (`XDOMAIN`).
    package var localDomain: Domain?

    package init(
        address: String, source: String = "", tlsVersion: String? = nil, sizeLimit: Int? = nil, messageLimit: Int? = nil, localDomain: Domain? = nil
    ) {
        self.address = address
        self.source = source
        self.tlsVersion = tlsVersion
        self.sizeLimit = sizeLimit
        self.messageLimit = messageLimit
        self.localDomain = localDomain
    }
}

/// Why there is no connection.
package enum CarrierFault: Error, Hashable, Sendable {
    /// Nobody was reached, or it broke off or fell silent before it was ready: the next address may do better. Why, in one line.
    case unreachable(String)
    /// There is no TLS, or none that is good enough: the same server may be asked again without, where nothing forbids it.
    case tls(TLSFailure)
    /// It greeted, or answered EHLO or AUTH, with a refusal.
    case refused(RemoteReply)
    /// It does not offer REQUIRETLS, or not in TLS, and that was demanded: in one line.
    case unprotected(String)
    /// It cannot do what we must ask of it: a login, say. In one line.
    case unfit(String)
}

/// A message on its way out.
package struct OutgoingMessage: Sendable {
    /// When it has to be there (RFC 2852 §4): what is left of that as it is handed over.
    package struct DeliverBy: Hashable, Sendable {
        /// Below 0: it is late.
        package let seconds: Int64
        package let isReturned: Bool
        package let isTraced: Bool

        package init(seconds: Int64, isReturned: Bool, isTraced: Bool) {
            self.seconds = seconds
            self.isReturned = isReturned
            self.isTraced = isTraced
        }
    }

    package let reversePath: ReversePath
    /// One at least.
    package let recipients: [QueuedRecipient]
    package let traits: QueueDraft.Traits
    package let origin: QueueDraft.Origin
    package let envelopeID: String?
    package let deliverBy: DeliverBy?
    /// MT-PRIORITY (RFC 6710): -9...9.
    package let priority: Int8
    /// Octets, head and text.
    package let size: Int
    /// How many of them this house wrote: they come first, whole fields of the header. What follows came with the message, whatever it says.
    package let headSize: Int
    /// Octets of that range, at most as many as there are.
    package let read: @Sendable (Range<Int>) async throws -> ByteBuffer

    package init(
        reversePath: ReversePath, recipients: [QueuedRecipient], traits: QueueDraft.Traits, origin: QueueDraft.Origin = .others, envelopeID: String?,
        deliverBy: DeliverBy? = nil, priority: Int8 = 0, size: Int, headSize: Int = 0, read: @escaping @Sendable (Range<Int>) async throws -> ByteBuffer
    ) {
        self.reversePath = reversePath
        self.recipients = recipients
        self.traits = traits
        self.origin = origin
        self.envelopeID = envelopeID
        self.deliverBy = deliverBy
        self.priority = priority
        self.size = size
        self.headSize = headSize
        self.read = read
    }

    /// The same for the same ones, with another text behind the same head.
    package init(_ other: OutgoingMessage, traits: QueueDraft.Traits? = nil, size: Int, read: @escaping @Sendable (Range<Int>) async throws -> ByteBuffer) {
        self.init(
            reversePath: other.reversePath, recipients: other.recipients, traits: traits ?? other.traits, origin: other.origin, envelopeID: other.envelopeID,
            deliverBy: other.deliverBy, priority: other.priority, size: size, headSize: other.headSize, read: read)
    }
}

/// What became of a message that was handed over.
package struct CarrierReport: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// The server has taken responsibility. `relaysNotify`: it was told what the sender wants to hear (DSN), and will.
        case delivered(RemoteReply, relaysNotify: Bool)
        /// It says no, for now (4xx, and what means it) or for ever (5xx).
        case refused(RemoteReply, isPermanent: Bool)
        /// In our words: it cannot be sent to this server ever (`5.6.7`, `5.6.9`, `5.3.4`), or not now.
        case impossible(EnhancedStatus, String, isPermanent: Bool)
        /// The connection broke off. `wasSent`: the whole text was sent and no answer came, so it may have arrived.
        case interrupted(String, wasSent: Bool)
        /// Not tried: the server takes no more recipients in this transaction, the connection ended before, or the try was cancelled.
        case untried
    }

    /// By the place of the recipient, and as many.
    package let outcomes: [Outcome]
    /// Another message can be sent.
    package let isUsable: Bool

    package init(outcomes: [Outcome], isUsable: Bool) {
        self.outcomes = outcomes
        self.isUsable = isUsable
    }
}
