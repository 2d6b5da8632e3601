package import Conversation
package import MailModel

/// Looks for a client's name: from its address to names, and from those to addresses (RFC 8601 §3).
///
/// It never throws. Who cancels its task gets `temperror` soon, and has no use for it.
package struct ReverseNameEvaluation: Sendable {
    /// More are not looked at: an address's owner may write as many as he likes.
    private static let mostNames = 10

    private let resolver: any Resolver

    package init(resolver: any Resolver) { self.resolver = resolver }

    /// Asks eleven times at most.
    package func verdict(of address: IPAddress) async -> ReverseNameVerdict {
        let names: [Domain]
        do {
            guard let reverse = Domain(address.reverseName) else { return ReverseNameVerdict(.permerror, address: address) }
            let answer = try await resolver.rdata(.ptr, of: reverse)
            names = answer.records.prefix(Self.mostNames).compactMap(RecordData.pointer)
        } catch {
            // catch: nobody knows: RFC 8601 §3
            return ReverseNameVerdict(.temperror, address: address)
        }
        guard let first = names.first else { return ReverseNameVerdict(.permerror, address: address) }
        var isUnknown = false
        for name in names {
            do {
                let family: AddressFamily = address.isIPv4 ? .ipv4 : .ipv6
                if try await resolver.addresses(of: name, family).records.contains(address) { return ReverseNameVerdict(.pass, address: address, name: name) }
            } catch {
                // catch: another name may have it.
                isUnknown = true
            }
        }
        return ReverseNameVerdict(isUnknown ? .temperror : .fail, address: address, name: first)
    }
}
