import Crypto
package import MailModel

/// The steps that DKIM-Signature and ARC-Message-Signature have in common (RFC 6376 §6.1).
enum SignatureCheck {
    /// Seconds that clocks may differ: a signature is taken so long after it has expired, and a day before it was made (RFC 6376 §3.5: t=, x=).
    static let lateness: Int64 = 300
    static let earliness: Int64 = 86_400

    /// Between signatures: others whose turn it is on this thread, connections of an event loop say, wait for one at most.
    static func breath() async { await Task.yield() }

    static func time(_ key: KeyedSignature, now: Timestamp) throws(SignatureFlaw) {
        if let expires = key.expires, expires < now.rawValue - lateness { throw SignatureFlaw(.fail, "the signature has expired") }
        if let time = key.time, time > now.rawValue + earliness { throw SignatureFlaw(.fail, "the signature is from the future") }
    }

    /// Tells whether octets at the body's end are not signed.
    static func body(_ content: SignedContent, _ bodies: BodyDigests) throws(SignatureFlaw) -> Bool {
        guard let body = bodies.body(content.bodyForm) else { throw SignatureFlaw(.fail, "the body's hash differs") }
        guard let digest = body.digest(of: content.length) else { throw SignatureFlaw(.permerror, "l= is more than there is") }
        guard digest.elementsEqual(content.bodyHash) else { throw SignatureFlaw(.fail, "the body's hash differs") }
        return content.length.map { $0 < body.count } ?? false
    }

    /// Of the fields that are signed, and the signature's own (§3.7).
    static func digest(_ header: HeaderBlock, _ place: Int, _ key: KeyedSignature, _ content: SignedContent) -> SHA256.Digest {
        var canonical: [UInt8] = []
        for other in header.select(content.names, own: place) { header.write(other, content.headerForm, to: &canonical) }
        header.write(place, content.headerForm, without: gap(header, place, key), isLast: true, to: &canonical)
        return SHA256.hash(data: canonical)
    }

    /// Where the value of b= lies in the header.
    static func gap(_ header: HeaderBlock, _ place: Int, _ key: KeyedSignature) -> Range<Int> {
        let start = header.fields[place].valueStart
        return (start + key.gap.lowerBound)..<(start + key.gap.upperBound)
    }

    /// What one key says of a signature.
    struct Outcome {
        var record: DKIMKeyRecord?
        /// Of an RSA key.
        var bits: Int?
        /// Nil: it verifies.
        var flaw: SignatureFlaw?
    }

    /// With the first record by which it verifies; otherwise with the first one.
    ///
    /// - parameter check: of a record, beyond what its own fields say.
    static func verify(
        _ key: KeyedSignature, _ digest: @autoclosure () -> SHA256.Digest, _ lookup: KeyLookup,
        _ check: (DKIMKeyRecord) throws(SignatureFlaw) -> Void = { _ in }
    ) -> Outcome {
        let records: [DKIMKeyRecord]
        do { records = try lookup.records(key.keyName) } catch { return Outcome(flaw: error) }
        var first: Outcome?
        var known: SHA256.Digest?
        for record in records {
            var outcome = Outcome(record: record, bits: key.algorithm == .rsaSHA256 ? DERReader.modulusBits(record.key) : nil)
            do throws(SignatureFlaw) {
                try record.check(for: key.algorithm)
                try check(record)
                let publicKey = try DKIMPublicKey(record.key, key.algorithm)
                let hash = known ?? digest()
                known = hash
                guard publicKey.verifies(key.octets, of: hash) else {
                    throw SignatureFlaw(.fail, "the signature does not verify")
                }
                return outcome
            } catch { outcome.flaw = error }
            first = first ?? outcome
        }
        return first ?? Outcome(flaw: SignatureFlaw(.permerror, "no key"))
    }
}

/// The hashes of one message's body in the forms that its signatures ask for.
struct BodyDigests: Sendable {
    private var digests: [BodyDigest]

    init(_ contents: [SignedContent]) {
        digests = Canonicalization.allCases.compactMap { form in
            let wanted = contents.filter { $0.bodyForm == form }
            return wanted.isEmpty ? nil : BodyDigest(form, beginnings: wanted.compactMap(\.length))
        }
    }

    var isEmpty: Bool { digests.isEmpty }

    mutating func take(_ text: UnsafeRawBufferPointer) { for index in digests.indices { digests[index].take(text) } }
    mutating func finish() { for index in digests.indices { digests[index].finish() } }
    func body(_ form: Canonicalization) -> BodyDigest? { digests.first { $0.canonicalization == form } }
}
