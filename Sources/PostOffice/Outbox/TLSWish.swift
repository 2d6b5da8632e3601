import Storage

/// What a message's sender wants of TLS on its way (RFC 8689). What the configuration says of a route holds whatever they want.
package enum TLSWish: Hashable, Sendable {
    /// What was published for a server, if anything.
    case usual
    /// REQUIRETLS: only servers that have proved who they are, and that see to it further on.
    case demanded
    /// `TLS-Required: No`: what was published for a server is not looked at.
    case waived

    init(_ traits: QueueDraft.Traits) {
        // RFC 8689 §5: the field means nothing beside the parameter.
        self = traits.contains(.requiresTLS) ? .demanded : traits.contains(.waivesTLS) ? .waived : .usual
    }
}
