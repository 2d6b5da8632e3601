package import Conversation
package import MailModel

/// Where one domain's mail goes now: the servers in the order in which they are tried (RFC 5321 §5.1).
package struct MailRoute: Hashable, Sendable {
    package struct Server: Hashable, Sendable {
        /// As the exchanger's record names it; an address literal where the recipient's domain is one.
        package let host: Domain
        /// Behind the CNAMEs of its address records; nil where there are none.
        package let canonicalName: Domain?
        package let address: IPAddress
        /// Lower is better.
        package let preference: UInt16
        /// DNSSEC has proved that the host has this address.
        package let isSecure: Bool
    }

    /// At least one; all addresses of a host in a row.
    package let servers: [Server]
    /// DNSSEC has proved, or the configuration says, that these are the domain's exchangers; or it has proved that there are none but the domain itself.
    package let isSecure: Bool
    /// Equal for all domains with the same exchangers, whatever their order: what concurrency and rate are counted by.
    package let site: String
}

/// Why a domain has no route now.
package struct MailRouteFault: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Cause: Hashable, Sendable {
        /// It says that it takes no mail (RFC 7505).
        case takesNoMail
        case noSuchDomain
        /// Its exchangers, or itself, have no address.
        case noAddress
        /// None of its addresses is one that the world may send to.
        case unreachableAddresses
        /// Its mail would come back to us.
        case loop
        /// Nobody could say: later perhaps.
        case resolver(ResolverFault)
        /// None of its servers may be asked: what each has to prove is not known now.
        case passedOver
        /// None of its servers can be proved to be its own, as the sender demands (RFC 8689).
        case unprotected
    }

    package let cause: Cause
    /// One line for people.
    package let description: String

    /// Whether trying again is in vain.
    package var isPermanent: Bool {
        switch cause {
        case .resolver, .passedOver: false
        case .takesNoMail, .noSuchDomain, .noAddress, .unreachableAddresses, .loop, .unprotected: true
        }
    }

    /// RFC 3463 §3.3, §3.5, §3.8; RFC 7505 §4.2.
    package var status: EnhancedStatus {
        switch cause {
        case .takesNoMail: .permanent(1, 10)
        case .noSuchDomain: .permanent(1, 2)
        case .noAddress, .unreachableAddresses: .permanent(4, 4)
        case .loop: .permanent(4, 6)
        case .resolver: .transient(4, 3)
        case .passedOver: .transient(7, 5)
        case .unprotected: .permanent(7, 10)
        }
    }
}
