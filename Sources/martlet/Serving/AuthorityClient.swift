import ACME
import Conversation
import Transport

/// How a CA is reached: by HTTPS, from the addresses that mail goes out from.
struct AuthorityClient: ACMETransport {
    private let client: HTTPSClient

    /// For a request and its answer.
    private static let patience = Duration.seconds(60)

    init(_ issuing: Configuration.Issuing, _ outbound: Configuration.Outbound, _ names: any Resolver, _ threads: Threads) throws(CommandFault) {
        var setting = HTTPSClient.Setting()
        setting.families = outbound.families
        setting.sources = outbound.identity.sources
        setting.allowsPrivate = issuing.allowsPrivate
        do { client = HTTPSClient(names, try StreamDialler(threads: threads, authorities: issuing.root), setting) } catch is StreamDialler.Fault {
            throw CommandFault(code: Sysexit.configuration, text: "acme.root names a file without certificates in PEM")
        } catch {
            throw CommandFault(code: Sysexit.unavailable, text: "the system's certificate authorities cannot be read: \(error)")
        }
    }

    func send(_ request: ACMERequest) async throws -> ACMEReply {
        let reply = try await client.send(
            HTTPSClient.Request(
                request.method.rawValue, host: request.url.host, port: request.url.port, path: request.url.path, fields: request.fields,
                content: request.content, mostOctets: request.mostOctets, patience: AuthorityClient.patience))
        return ACMEReply(status: reply.status, fields: reply.fields, content: reply.content)
    }
}

/// Asks nobody.
struct NoAuthority: ACMETransport {
    func send(_ request: ACMERequest) async throws -> ACMEReply { throw WebFault.unreachable("no server runs that could ask") }
}
