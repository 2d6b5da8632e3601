package import MailModel

/// What is done with what the judges of senders find.
package struct SenderRules: Sendable {
    /// With mail that fails under `p=reject`, where nobody who is trusted explains it.
    package enum Rejection: Hashable, Sendable {
        /// Refused, unless something says that it came by way of others, who may have changed it: a list, a chain of seals, the author's own broken signature. Then it
        /// is filed as junk.
        case unlessIndirect
        case always
        /// Filed as junk.
        case never
    }

    /// With mail whose author's policy nobody could be asked for.
    package enum Doubt: Hashable, Sendable {
        /// 451: its sender tries again.
        case putOff
        case accepted
    }

    /// With mail of a server that its sender's domain excludes (SPF `fail`), where the author's domain has no policy and nothing else vouches for it.
    package enum Exclusion: Hashable, Sendable {
        case filedAsJunk
        case refused
        case accepted
    }

    /// What we call ourselves in `Authentication-Results` (authserv-id, RFC 8601 §2.5).
    package let name: Domain
    package var rejection = Rejection.unlessIndirect
    package var doubt = Doubt.putOff
    package var exclusion = Exclusion.filedAsJunk
    /// Domains whose seals are believed: what they say they have found explains mail that fails with us (RFC 8617 §5.2).
    package var sealers: [Domain] = []
    /// Clients that are not judged: this machine, and those whose mail is taken without a login.
    package var exempt: [NetworkList] = []
    /// In which all judges of proofs have to answer, and then those of policies.
    package var patience = Duration.seconds(60)

    package init(name: Domain) { self.name = name }
}
