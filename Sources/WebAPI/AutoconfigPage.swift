package import Conversation
import MailModel

/// How mail programs set themselves up, in the form of Mozilla's (`config-v1.1.xml`, draft-ietf-mailmaint-autoconfig): for our domains, whether or not somebody
/// has that address.
package struct AutoconfigPage: Sendable {
    private let services: MailServices
    private let names: OwnNames

    package init(_ services: MailServices, _ names: OwnNames) {
        self.services = services
        self.names = names
    }

    package var routes: [HTTPRoute] {
        ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"].map { path in
            HTTPRoute("GET", path, .work { request, _ in try await reply(request) })
        }
    }

    private func reply(_ request: HTTPRequest) async throws -> HTTPReply {
        let addresses: [String]
        do { addresses = try request.target.parameters().filter { $0.name == "emailaddress" }.map(\.value) } catch { return .refusal(400) }
        let domain: Domain?
        switch addresses.count {
        case 0: domain = try await self.domain(of: request.host)
        case 1: domain = if let asked = Address(addresses[0])?.domain { try await names.own(asked) } else { nil }
        default: return .refusal(400)
        }
        guard let domain else { return .refusal(404) }
        return HTTPReply(200, text: text(domain), type: "application/xml; charset=utf-8")
    }

    private func domain(of host: String) async throws -> Domain? {
        if let domain = try await names.domain(of: host, behind: .autoconfig) { return domain }
        guard let domain = Domain(host) else { return nil }
        return try await names.own(domain)
    }

    private func text(_ domain: Domain) -> String {
        let name = XMLText.escaped(domain.value)
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <clientConfig version="1.1">
              <emailProvider id="\(name)">
                <domain>\(name)</domain>
                <displayName>\(name)</displayName>
                <displayShortName>\(name)</displayShortName>
            \(services.list.map(server).joined(separator: "\n"))
              </emailProvider>
            </clientConfig>

            """
    }

    private func server(_ service: MailServices.Service) -> String {
        let (element, type) =
            switch service.kind {
            case .imap: ("incomingServer", "imap")
            case .pop3: ("incomingServer", "pop3")
            case .submission: ("outgoingServer", "smtp")
            }
        return """
                <\(element) type="\(type)">
                  <hostname>\(XMLText.escaped(services.host.value))</hostname>
                  <port>\(service.port)</port>
                  <socketType>\(service.isImplicitTLS ? "SSL" : "STARTTLS")</socketType>
                  <username>%EMAILADDRESS%</username>
                  <authentication>password-cleartext</authentication>
                </\(element)>
            """
    }
}
