import Logging
import MailModel
import PostOffice
import SMTP
import Transport

/// What the outbox sends by: names, ways and connections to other servers. They are there only while mail may leave (`outbound.enabled`).
struct OutboundServices: Sendable {
    /// Where a domain's mail goes, and the addresses of a route's hosts.
    let router: MailRouter
    let carrier: SMTPCarrier
    /// Ended last of these.
    private let resolver: UnboundResolver
    /// No anchor is configured, and nothing is to be proved.
    private let isTrusting: Bool
    private let log: Logger

    /// Reads the files that name resolvers and authorities. Throws `ConfigurationFault` or `CommandFault`.
    init(_ configuration: Configuration, threads: Threads, log: Logger) throws {
        self.log = log
        isTrusting = configuration.names.anchor == .none
        do {
            resolver = try UnboundResolver(configuration.names.resolverSetting)
        } catch {
            throw ConfigurationFault(
                place: "names", name: "dns", problem: "\(error)", remedy: "mend the keys below dns, or set outbound.enabled to false")
        }
        let setting = try configuration.routerSetting(log)
        router = MailRouter(CachedResolver(resolver), setting, asciiForm: { $0.asciiForm })
        let dialler: StreamDialler
        do {
            dialler = try StreamDialler(group: threads.group)
        } catch {
            throw CommandFault(code: Sysexit.unavailable, text: "the system's certificate authorities cannot be read: \(error)")
        }
        carrier = SMTPCarrier(dialler: dialler, convert: SevenBitConversion.convert)
    }

    /// Says in the log what names can be found, and how sure one can be of them. It takes as long as the resolver's patience.
    func probe() async {
        let finding = await resolver.probe()
        guard !Task.isCancelled else { return }
        switch finding {
        case .validating: log.info("Names are found, and DNSSEC proves those that are signed")
        case .notValidating where isTrusting: log.info("Names are found, and none is proved: dns.trust-anchor is none")
        case .notValidating: log.warning("Names are found, and none is proved: dns.trust-anchor is not the root's")
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
    func stop() async { await resolver.close() }
}
