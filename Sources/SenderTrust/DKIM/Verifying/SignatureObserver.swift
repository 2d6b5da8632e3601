package import Conversation
package import MailModel
package import NIOCore

/// Watches a message as it comes, and says afterwards what its DKIM signatures and its ARC chain are worth (RFC 6376 §6, RFC 8617 §5.2).
///
/// The text passes once, in pieces of any size, as it came: lines that end with CRLF, dots undoubled. Its header is held up to a limit; of the body, each form
/// that some signature asks for is hashed once. A message without signatures costs no more than to find the end of its header.
package struct SignatureObserver: Sendable {
    package struct Limits: Hashable, Sendable {
        /// Octets of the header that are held; with more, nothing of it is judged.
        package var header = 256 << 10
        /// DKIM-Signature fields that are looked at, from the top: each may cost a question to DNS (RFC 6376 §6.1).
        package var signatures = 10

        package init() {}
        package static let standard = Limits()
    }

    private let limits: Limits
    private var gathering: HeaderGathering
    private var block: HeaderBlock?
    private var candidates: [DKIMCandidate] = []
    private var chain: ARCChain?
    /// Why nothing of the header is judged, besides its length; and whether there was something to judge, as far as it is known.
    private var flaw: String?
    private var hasSignatures = true
    private var hasChain = true
    private(set) var bodies = BodyDigests([])

    package init(limits: Limits = .standard) {
        self.limits = limits
        gathering = HeaderGathering(most: limits.header)
    }

    /// The header is longer than is held.
    package var isHeaderTooLong: Bool { gathering.progress == .tooLong }

    /// What is held of the header, with the empty line behind it; nothing where it is too long.
    package var header: ByteBuffer { gathering.header }

    /// Whose message it is, by that header. Once it is finished.
    package var authors: MessageAuthors { isHeaderTooLong ? .unclear("the header is longer than is read") : MessageAuthors(header) }

    package mutating func take(_ text: ByteBuffer) {
        var text = text
        if gathering.progress == .under {
            gathering.take(&text)
            if gathering.progress == .whole { read() }
        }
        if !bodies.isEmpty { text.withUnsafeReadableBytes { bodies.take($0) } }
    }

    /// The message is over.
    package mutating func finish() {
        if gathering.progress == .under {
            gathering.finish()
            read()
        }
        bodies.finish()
    }

    private mutating func read() {
        var header = HeaderBlock(gathering.header)
        if let flaw = SignatureObserver.flaw(of: header) {
            hasSignatures = header.hasField(named: "dkim-signature")
            hasChain = ARCChain.fieldNames.contains { header.hasField(named: $0) }
            return self.flaw = flaw
        }
        candidates = header.places(of: "dkim-signature").prefix(limits.signatures).map { DKIMCandidate(header, $0) }
        var contents: [SignedContent] = []
        for candidate in candidates { if case .success(let signature) = candidate.signature { contents.append(signature.content) } }
        let chain = ARCChain(header)
        for link in chain.links { if case .success(let message) = link.message { contents.append(message.content) } }
        self.chain = chain
        bodies = BodyDigests(contents)
        if !contents.isEmpty { header.sort() }
        block = header
    }

    /// Why no signature of such a header is believed; nil: they may be.
    ///
    /// A line that is no field is in no signature, and others take it for the text's first one: whoever puts lines there could put their own text before a signed one.
    private static func flaw(of header: HeaderBlock) -> String? {
        guard header.fields.count <= mostFields else { return "the header has more than \(mostFields) fields" }
        let isWhole = header.fields.allSatisfy { $0.nameLength > 0 && $0.valueStart - $0.start <= longestName }
        return isWhole ? nil : "a line of the header is no field"
    }

    private static let mostFields = 2_000
    /// Octets up to the colon and with it: beyond them a line is none (RFC 5322 §2.1.1).
    private static let longestName = 999

    /// One verdict for each signature, from the top; none where there is none. Those beyond the limit share one, `neutral`, at the end. Once it is finished.
    ///
    /// A signature that l= ends early passes, and `isPartial` says so: whoever aligns it must know (RFC 6376 §8.2).
    ///
    /// - parameter now: when the message came, not when it is looked at again.
    package func dkim(resolver: any Resolver, now: Timestamp) async -> [DKIMVerdict] {
        guard let block else { return hasSignatures ? [DKIMVerdict(.permerror, reason: flaw ?? "the header is too long")] : [] }
        if candidates.isEmpty { return [] }
        let preliminary = preliminary(now: now)
        let lookup = await KeyLookup(preliminary.compactMap(\.keyName), resolver)
        var verdicts: [DKIMVerdict] = []
        for (candidate, preliminary) in zip(candidates, preliminary) {
            await SignatureCheck.breath()
            verdicts.append(candidate.verdict(block, preliminary, lookup))
        }
        let rest = block.places(of: "dkim-signature").count - candidates.count
        if rest > 0 { verdicts.append(DKIMVerdict(.neutral, reason: "\(rest) more signatures were not looked at")) }
        return verdicts
    }

    /// What can be said of each signature before its key is known.
    func preliminary(now: Timestamp) -> [DKIMCandidate.Preliminary] { candidates.map { $0.preliminary(bodies, now: now) } }

    /// Of the whole chain. Once it is finished.
    ///
    /// - parameter now: when the message came.
    package func arc(resolver: any Resolver, now: Timestamp) async -> ARCVerdict {
        guard let block, let chain else { return hasChain ? ARCVerdict(.fail, reason: flaw ?? "the header is too long") : ARCVerdict(.none) }
        return await ARCValidation(chain: chain, header: block, bodies: bodies).verdict(resolver, now: now)
    }
}
