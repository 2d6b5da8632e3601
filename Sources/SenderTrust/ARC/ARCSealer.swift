import Crypto
package import MailModel
package import NIOCore

/// Adds a set to the chain of a message that is sent on (RFC 8617 §5.1), after all other changes to it. The text passes once, as `DKIMSigner` takes it.
///
/// A chain that does not hold is sealed with cv=fail, and the seal then covers its own set alone (§5.1.2). One that a server before us has so marked, one of 50 sets,
/// and one of which DNS did not let us know whether it holds, get no set (§5.1.3, §4.2.1).
package struct ARCSealer: Sendable {
    private let domain: Domain
    private let selector: String
    private let key: DKIMKey
    private let results: String
    private let verdict: ARCVerdict.Result
    private let time: Timestamp
    private var gathering = HeaderGathering(most: DKIMSigner.longestHeader)
    private var body = BodyDigest(.relaxed)

    /// - parameter authenticationResults: what stands behind `i=N;`: our authserv-id, and what we found when the message came.
    /// - parameter chain: what the message's chain was worth when it came.
    package init(domain: Domain, selector: String, key: DKIMKey, authenticationResults: String, chain: ARCVerdict, at time: Timestamp) {
        self.domain = domain
        self.selector = selector
        self.key = key
        results = authenticationResults
        verdict = chain.result
        self.time = time
    }

    package mutating func take(_ text: ByteBuffer) {
        var text = text
        gathering.take(&text)
        if gathering.progress == .whole { text.withUnsafeReadableBytes { body.take($0) } }
    }

    /// The text is over: ARC-Seal, ARC-Message-Signature and ARC-Authentication-Results, whole lines with CRLF, to be written before the message; nothing where it
    /// gets no set.
    package mutating func finish() throws(DKIMSigner.Fault) -> [UInt8] {
        gathering.finish()
        guard gathering.progress == .whole else { throw .headerTooLong }
        body.finish()
        guard let domain = domain.asciiForm, !domain.isLiteral, let digest = body.digest(of: nil) else { throw .unusableDomain }
        let header = HeaderBlock(gathering.header)
        let chain = ARCChain(header)
        guard let status = status(chain) else { return [] }
        guard let names = SignedFields.names(header, others: ["dkim-signature"]) else { throw .tooManyFields }
        let common = ["a=\(key.algorithm.rawValue);", "d=\(domain.value);", "s=\(selector);", "t=\(time.rawValue);"]
        let instance = "i=\(chain.newest + 1);"

        var resultsField = FieldComposer(name: "ARC-Authentication-Results")
        resultsField.add(instance)
        for word in results.split(whereSeparator: { $0.isWhitespace || $0.unicodeScalars.contains { $0.value < 0x20 } }) { resultsField.add(String(word)) }
        let resultsOctets = Array(resultsField.text.utf8) + [0x0D, 0x0A]

        var canonical: [UInt8] = []
        for place in header.select(names, own: nil) { header.write(place, .relaxed, to: &canonical) }
        var hash = SHA256()
        hash.update(data: canonical)
        var messageField = FieldComposer(name: "ARC-Message-Signature")
        for tag in [instance] + common + ["c=relaxed/relaxed;"] { messageField.add(tag) }
        let messageOctets: [UInt8]
        do { messageOctets = try messageField.signed(names: names, body: digest, after: hash, key) } catch { throw .key(error) }

        // §5.1.1: by instance, in each set in this order.
        canonical = []
        for link in status == .fail ? [] : chain.links {
            for place in [link.resultsPlace, link.messagePlace, link.sealPlace] { header.write(place, .relaxed, to: &canonical) }
        }
        for octets in [resultsOctets, messageOctets] { HeaderBlock(ByteBuffer(bytes: octets)).write(0, .relaxed, to: &canonical) }
        hash = SHA256()
        hash.update(data: canonical)
        var sealField = FieldComposer(name: "ARC-Seal")
        for tag in [instance, "cv=\(status.rawValue);"] + common { sealField.add(tag) }
        do { return try sealField.signed(after: hash, key) + messageOctets + resultsOctets } catch { throw .key(error) }
    }

    /// cv=; nil: the message gets no set.
    private func status(_ chain: ARCChain) -> ARCFields.ChainStatus? {
        guard chain.newest < ARCFields.mostInstances, !chain.isMarkedFailed else { return nil }
        if verdict == .temperror { return nil }
        if chain.newest == 0, chain.flaw == nil { return ARCFields.ChainStatus.none }
        return verdict == .pass && chain.flaw == nil ? .pass : .fail
    }
}
