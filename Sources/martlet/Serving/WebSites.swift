import Conversation
import Logging
import MailModel
import PostOffice
import Transport
import WebAPI

/// What is served by HTTP: all of it over TLS, and without TLS the way there.
struct WebSites {
    let secure: HTTPSite
    let plain: HTTPSite

    /// - parameter keyAuthorization: what an authority for certificates is shown for a token (RFC 8555 §8.3).
    init(_ configuration: Configuration, _ house: House, log: Logger, keyAuthorization: @escaping @Sendable (String) -> String?) {
        let web = configuration.web
        let directory = house.directory
        let names = OwnNames(server: configuration.hostname.asciiForm ?? configuration.hostname) { try await directory.serves($0) }
        let services = configuration.mailServices
        let readiness = Readiness(
            HealthChecks.all(configuration, house), clock: SystemClock.now,
            // try?: cancelled: nobody waits for it any more.
            pause: { try? await Task.sleep(for: $0) }, log: log)
        var guests = HealthPages(readiness).routes.filter { $0.path != HealthPages.live.path }
        if let policy = web.strictTransport { guests += StrictTransportPage(policy, names).routes }
        if !web.securityContacts.isEmpty {
            guests +=
                SecurityContactPage(
                    contacts: web.securityContacts, languages: web.securityLanguages, names: names, port: web.port, clock: SystemClock.now
                ).routes
        }
        guests += AutoconfigPage(services, names).routes + AutodiscoverPage(services, names, clock: SystemClock.now).routes
        let registry = house.metrics.registry
        if web.metricsNetworks != .none { guests += MetricsPage(networks: web.metricsNetworks) { await Task.detached { registry.text }.value }.routes }
        let open = [HealthPages.live] + ChallengePage(keyAuthorization).routes
        secure = WebSites.site(open + guests, web, house.metrics.web(.https))
        plain = WebSites.site(open + RedirectPage(names, port: web.port).routes(besides: guests), web, house.metrics.web(.http))
    }

    private static func site(_ routes: [HTTPRoute], _ web: Configuration.Web, _ observer: any HTTPObserver) -> HTTPSite {
        var site = HTTPSite(
            HTTPRoutes(routes), fields: SecurityFields.all, secureFields: SecurityFields.secure,
            forwarding: .init(proxies: web.proxies, field: .init(rawValue: web.forwardedField) ?? .xForwardedFor))
        site.observer = observer
        return site
    }
}

extension Directory {
    /// - parameter domain: in ASCII.
    fileprivate func serves(_ domain: Domain) async throws -> Bool {
        if try await isServed(domain) { return true }
        // It may be written in its own letters here.
        guard domain.value.hasPrefix("xn--") || domain.value.contains(".xn--") else { return false }
        return try await domainsServed().contains { !$0.isASCII && $0.asciiForm == domain }
    }
}

extension Configuration {
    /// Where mail programs read and send mail. What listens on this machine alone is for its own programs, unless nothing listens elsewhere.
    var mailServices: MailServices {
        let found = listeners.compactMap { listener in listener.service.clientKind.map { (listener, $0) } }
        let reached = found.filter { !IPText.isLoopback($0.0.address) }
        var seen: Set<Service> = []
        let services = (reached.isEmpty ? found : reached).filter { seen.insert($0.0.service).inserted }.map { listener, kind in
            MailServices.Service(kind, port: listener.port, isImplicitTLS: listener.service.isImplicitTLS)
        }
        // Without TLS nobody may log in.
        return MailServices(host: hostname.asciiForm ?? hostname, tls.enabled ? services : [])
    }
}

extension Service {
    fileprivate var clientKind: MailServices.Kind? {
        switch self {
        case .imap, .imaps: .imap
        case .pop3, .pop3s: .pop3
        case .submission, .submissions: .submission
        case .smtp, .https, .http: nil
        }
    }
}
