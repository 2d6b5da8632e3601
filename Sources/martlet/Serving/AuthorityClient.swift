import ACME
import Conversation
import Transport

/// How a CA is reached: by HTTPS, from the addresses that mail goes out from.
struct AuthorityClient: ACMETransport {
    private let client: HTTPSClient

    /// For a request and its answer.
    private static let patience = Duration.seconds(60)

    init(_ issuing: Configuration.Issuing, _ outbound: Configuration.Outbound, _ names: any Resolver, _ threads: Threads) throws(CommandFault) {
        var setting = HTTPSClient.Setting(.named(allowsPrivate: issuing.allowsPrivate))
        setting.families = outbound.families
        setting.sources = outbound.identity.sources
        do { client = HTTPSClient(names, try StreamDialler(threads: threads, authorities: issuing.root), setting) } catch is StreamDialler.Fault {
            throw CommandFault(code: Sysexit.configuration, text: "acme.root names a file without certificates in PEM")
        } catch {
            throw CommandFault(code: Sysexit.unavailable, text: "the system's certificate authorities cannot be read: \(error)")
        }
    }

    func send(_ request: ACMERequest) async throws -> ACMEReply {
        guard let host = WebRequest.Host(request.url.host) else { throw WebFault.malformed("\(request.url) names no host") }
        var fields = HTTPFields()
        for field in request.fields { fields.add(parsed: field.name, field.value) }
        let reply = try await client.fetch(
            WebRequest(
                method(request), host: host, port: request.url.port, path: request.url.path, fields: fields, content: request.content,
                mostOctets: request.mostOctets, patience: AuthorityClient.patience))
        return ACMEReply(status: reply.status, fields: reply.fields.list.map { ($0.name, $0.value) }, content: reply.content)
    }

    private func method(_ request: ACMERequest) -> WebRequest.Method {
        switch request.method {
        case .get: .get
        case .head: .head
        case .post: .post
        }
    }
}

/// Asks nobody.
struct NoAuthority: ACMETransport {
    func send(_ request: ACMERequest) async throws -> ACMEReply { throw WebFault.unreachable("no server runs that could ask") }
}
