import Conversation
import Logging
import MailModel
import PostOffice
import SMTP
import Storage
import Transport

/// What the outbox sends by: names, ways and connections to other servers. While mail may not leave (`outbound.enabled`) none of it can: nobody is called, and
/// nobody is asked but for who sends to us (`trust.enabled`), and for the CA (`acme.enabled`).
struct OutboundServices: Sendable {
    /// Where a domain's mail goes, and the addresses of a route's hosts.
    let router: MailRouter
    /// What those servers have to prove.
    let policies: DeliveryPolicies
    let carrier: any Carrier
    /// Names, as far as others are asked for them.
    let names: any Resolver
    /// What strangers name on the web: addresses of the world alone.
    let web: any WebFetcher
    /// Nil while mail may not leave, nobody is judged and no CA is asked.
    private let resolver: UnboundResolver?
    /// No anchor is configured, and nothing is to be proved.
    private let isTrusting: Bool
    private let log: Logger

    /// Reads the files that name resolvers and authorities. Throws `ConfigurationFault` or `CommandFault`.
    /// - parameter store: where what is known of domains' policies is kept.
    /// - parameter sign: what writes signatures before messages.
    init(_ configuration: Configuration, threads: Threads, store: any KeyValueStore, sign: SMTPCarrier.Signing? = nil, log: Logger) throws {
        self.log = log
        isTrusting = configuration.names.anchor == .none
        let isAsked = configuration.outbound.enabled || configuration.trust.enabled || configuration.issuing != nil
        let resolver = isAsked ? try OutboundServices.resolver(configuration.names) : nil
        self.resolver = resolver
        let cached: any Resolver = if let resolver { CachedResolver(resolver) } else { HeldResolver() }
        names = cached
        guard configuration.outbound.enabled else {
            policies = DeliveryPolicies(HeldResolver())
            router = MailRouter(HeldResolver(), MailRouter.Setting(), asciiForm: { $0.asciiForm })
            carrier = HeldCarrier()
            web = HeldWeb()
            return
        }
        let dialler = try OutboundServices.dialler(configuration.outbound, threads)
        router = MailRouter(cached, try configuration.routerSetting(log), asciiForm: { $0.asciiForm })
        var setting = HTTPSClient.Setting(.world)
        setting.families = configuration.outbound.families
        setting.sources = configuration.outbound.identity.sources
        let fetcher = HTTPSClient(cached, dialler, setting)
        web = fetcher
        policies = DeliveryPolicies(
            cached, StrictTransport(resolver: cached, fetcher: fetcher, store: store, clock: SystemClock.now, log: log))
        carrier = SMTPCarrier(dialler: dialler, convert: SevenBitConversion.convert, sign: sign)
    }

    static func dialler(_ outbound: Configuration.Outbound, _ threads: Threads) throws -> StreamDialler {
        do { return try StreamDialler(threads: threads, authorities: outbound.authorities) } catch is StreamDialler.Fault {
            throw CommandFault(code: Sysexit.configuration, text: "outbound.authorities names a file without certificates in PEM")
        } catch {
            throw CommandFault(code: Sysexit.unavailable, text: "the system's certificate authorities cannot be read: \(error)")
        }
    }

    private static func resolver(_ names: Configuration.Names) throws(ConfigurationFault) -> UnboundResolver {
        do { return try UnboundResolver(names.resolverSetting) } catch {
            throw ConfigurationFault(
                place: "names", name: "dns", problem: "\(error)", remedy: "mend the keys below dns, or set outbound.enabled to false")
        }
    }

    /// Says in the log what names can be found, and how sure one can be of them. It takes as long as the resolver's patience.
    func probe() async {
        guard let finding = await resolver?.probe(), !Task.isCancelled else { return }
        switch finding {
        case .validating: log.info("Names are found, and DNSSEC proves those that are signed")
        case .notValidating where isTrusting: log.info("Names are found, and none is proved, so there is no DANE: dns.trust-anchor is none")
        case .notValidating: log.warning("Names are found, and none is proved, so there is no DANE: dns.trust-anchor is not the root's")
        case .bogus(let reason):
            log.error(
                """
                Names cannot be trusted, and those that are signed will not be found: the servers that are asked leave DNSSEC's signatures out, or \
                forge. Ask others (dns.servers), or set dns.trust-anchor to none
                """, metadata: ["reason": "\(LogText.quoted(reason))"])
        case .failing(let fault):
            log.error("Names are not found; mail to other servers waits until they are", metadata: ["reason": "\(fault.words)"])
        }
    }

    /// Nobody sends any more. Who still waits for a name is told that there is nobody to ask.
    func stop() async { await resolver?.close() }
}

/// Asks nobody.
private struct HeldResolver: Resolver {
    func rdata(_ type: RecordType, of name: DNSName) async throws -> DNSAnswer<[UInt8]> { throw ResolverFault.unavailable(OutboundServices.heldReason) }
}

/// Calls nobody.
private struct HeldCarrier: Carrier {
    func connect(to server: MailServer) async throws -> any CarrierConnection { throw CarrierFault.unfit(OutboundServices.heldReason) }
}

/// Asks nobody.
private struct HeldWeb: WebFetcher {
    func fetch(_ request: WebRequest) async throws -> WebReply { throw WebFault.unreachable(OutboundServices.heldReason) }
}

extension OutboundServices {
    fileprivate static let heldReason = "mail to other servers is held: outbound.enabled is false"
}
