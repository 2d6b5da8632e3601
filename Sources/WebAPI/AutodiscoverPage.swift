package import Conversation
package import MailModel

/// How Outlook sets itself up (MS-OXDSCLI, "plain old XML"): for our domains, whether or not somebody has that address. There is no ActiveSync here, so those who
/// ask for its schema are told that there is none.
package struct AutodiscoverPage: Sendable {
    private let services: MailServices
    private let names: OwnNames
    private let clock: Timestamp.Clock

    package init(_ services: MailServices, _ names: OwnNames, clock: @escaping Timestamp.Clock) {
        self.services = services
        self.names = names
        self.clock = clock
    }

    private static let responseSchema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
    private static let errorSchema = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
    private static let content = HTTPRoute.ContentRule(limit: AutodiscoverRequest.mostOctets, types: ["text/xml", "application/xml"])

    /// Programs spell it in capital and small letters as they like.
    private static let path = "/autodiscover/autodiscover.xml"

    package var routes: [HTTPRoute] {
        [
            HTTPRoute(
                "POST", AutodiscoverPage.path, ignoresCase: true, content: AutodiscoverPage.content,
                .work { _, content in try await reply(to: AutodiscoverRequest(try await content.all())) }),
            HTTPRoute("GET", AutodiscoverPage.path, ignoresCase: true, .now { _ in failure(.invalidRequest) }),
        ]
    }

    /// MS-OXDSCLI §2.2.4.1.1.2.
    private enum Failure: Int {
        case noSuchAddress = 500
        case invalidRequest = 600
        case noSuchSchema = 601

        var message: String {
            switch self {
            case .noSuchAddress: "The e-mail address cannot be found"
            case .invalidRequest: "Invalid Request"
            case .noSuchSchema: "Provider is not available"
            }
        }
    }

    private func reply(to request: AutodiscoverRequest?) async throws -> HTTPReply {
        guard let request, let address = Address(request.address) else { return failure(.invalidRequest) }
        if let schema = request.responseSchema, schema != AutodiscoverPage.responseSchema { return failure(.noSuchSchema) }
        guard try await names.own(address.domain) != nil else { return failure(.noSuchAddress) }
        return AutodiscoverPage.reply(settings(address))
    }

    private func settings(_ address: Address) -> String {
        let name = XMLText.escaped(address.written)
        return """
            <Autodiscover xmlns="\(AutodiscoverPage.errorSchema)">
              <Response xmlns="\(AutodiscoverPage.responseSchema)">
                <User>
                  <DisplayName>\(name)</DisplayName>
                </User>
                <Account>
                  <AccountType>email</AccountType>
                  <Action>settings</Action>
            \(offered.map { element($0, name) }.joined(separator: "\n"))
                </Account>
              </Response>
            </Autodiscover>
            """
    }

    /// The safest of each kind: Outlook takes the first and falls back to none.
    private var offered: [MailServices.Service] {
        var kinds: Set<MailServices.Kind> = []
        return services.list.filter { kinds.insert($0.kind).inserted }
    }

    private func element(_ service: MailServices.Service, _ name: String) -> String {
        let type =
            switch service.kind {
            case .imap: "IMAP"
            case .pop3: "POP3"
            case .submission: "SMTP"
            }
        // `Encryption` is newer than `SSL`, and alone says STARTTLS.
        return """
                  <Protocol>
                    <Type>\(type)</Type>
                    <Server>\(XMLText.escaped(services.host.value))</Server>
                    <Port>\(service.port)</Port>
                    <DomainRequired>off</DomainRequired>
                    <LoginName>\(name)</LoginName>
                    <SPA>off</SPA>
                    <SSL>on</SSL>
                    <Encryption>\(service.isImplicitTLS ? "SSL" : "TLS")</Encryption>
                    <AuthRequired>on</AuthRequired>
                  </Protocol>
            """
    }

    private func failure(_ failure: Failure) -> HTTPReply {
        let time = clock().description.dropFirst("2026-11-30T".count).dropLast()
        return AutodiscoverPage.reply(
            """
            <Autodiscover xmlns="\(AutodiscoverPage.errorSchema)">
              <Response>
                <Error Time="\(time)" Id="1">
                  <ErrorCode>\(failure.rawValue)</ErrorCode>
                  <Message>\(failure.message)</Message>
                  <DebugData />
                </Error>
              </Response>
            </Autodiscover>
            """)
    }

    private static func reply(_ text: String) -> HTTPReply {
        HTTPReply(
            200, text: "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\(text)\n", type: "text/xml; charset=utf-8", ["Cache-Control": "no-store"])
    }
}
