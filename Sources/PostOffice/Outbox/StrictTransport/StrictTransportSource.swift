package import Conversation
package import MailModel

/// Where a domain's policy stands: a file of its web server (RFC 8461 §3.2, §3.3).
package struct StrictTransportSource: Sendable {
    /// For everything that a fetch takes: mail to the domain waits for it, and so does a place among those that are looked up. RFC 8461 §3.3 has a minute for an
    /// example.
    private static let patience = Duration.seconds(15)

    private let fetcher: any WebFetcher

    package init(_ fetcher: any WebFetcher) { self.fetcher = fetcher }

    /// - parameter host: `mta-sts.DOMAIN`.
    package func policy(at host: Domain) async throws(TLSFailure) -> StrictTransportPolicy {
        let reply: WebReply
        do {
            reply = try await fetcher.fetch(
                WebRequest(
                    host: .name(host), path: "/.well-known/mta-sts.txt", mostOctets: StrictTransportPolicy.mostOctets, patience: StrictTransportSource.patience)
            )
        } catch let fault as WebFault {
            throw TLSFailure(fault)
        } catch {
            throw TLSFailure(.stsFetchError, "\(error)")
        }
        // RFC 8461 §3.3: a redirect is not followed, and whoever lets users put files somewhere may not mean this one.
        guard reply.status == 200 else { throw TLSFailure(.stsFetchError, "the answer is \(reply.status)") }
        guard reply.mediaType == "text/plain" else {
            throw TLSFailure(.stsFetchError, "the answer is no text/plain but \(reply.mediaType.map { LogText.quoted($0) } ?? "of no type")")
        }
        guard let policy = StrictTransportPolicy(reply.content.readableBytesView) else { throw TLSFailure(.stsPolicyInvalid, "the file is no policy") }
        return policy
    }
}

extension TLSFailure {
    fileprivate init(_ fault: WebFault) {
        switch fault {
        case .tls(let reason): self.init(.stsWebPKIInvalid, reason)
        case .resolver(let fault): self.init(.stsFetchError, "its host could not be looked up: \(fault.words)")
        case .noAddress(let reason), .unreachable(let reason), .malformed(let reason): self.init(.stsFetchError, reason)
        case .tooLarge: self.init(.stsPolicyInvalid, "the file is too long")
        case .timedOut: self.init(.stsFetchError, "no answer in time")
        }
    }
}
