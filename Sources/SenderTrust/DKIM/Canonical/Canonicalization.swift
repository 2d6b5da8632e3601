/// How much a message may change on its way without hurting its signature (RFC 6376 §3.4).
package enum Canonicalization: String, Hashable, Sendable, CaseIterable {
    case simple, relaxed
}
