package import MailModel

/// One DKIM-Signature field of a message that is being judged.
struct DKIMCandidate: Sendable {
    /// Among the header's fields.
    let place: Int
    let label: DKIMSignature.Label
    let signature: Result<DKIMSignature, SignatureFlaw>

    init(_ header: HeaderBlock, _ place: Int) {
        self.place = place
        guard let tags = TagList(header.value(place)) else {
            label = DKIMSignature.Label()
            signature = .failure(SignatureFlaw(.permerror, "the field is no list of tags"))
            return
        }
        var label = DKIMSignature.Label(tags)
        do {
            let read = try DKIMSignature(tags)
            label.identity = read.identity
            signature = .success(read)
        } catch { signature = .failure(error) }
        self.label = label
    }

    /// What can be said before the key is known.
    enum Preliminary: Hashable, Sendable {
        case flaw(SignatureFlaw)
        case open(DKIMSignature, isPartial: Bool)

        var keyName: Domain? { if case .open(let signature, _) = self { signature.key.keyName } else { nil } }
    }

    func preliminary(_ bodies: BodyDigests, now: Timestamp) -> Preliminary {
        do {
            let signature = try signature.get()
            try SignatureCheck.time(signature.key, now: now)
            return .open(signature, isPartial: try SignatureCheck.body(signature.content, bodies))
        } catch { return .flaw(error) }
    }

    func verdict(_ header: HeaderBlock, _ preliminary: Preliminary, _ lookup: KeyLookup) -> DKIMVerdict {
        switch preliminary {
        case .flaw(let flaw): verdict(flaw.result, reason: flaw.reason)
        case .open(let signature, let isPartial): verdict(header, signature, isPartial: isPartial, lookup)
        }
    }

    private func verdict(_ header: HeaderBlock, _ signature: DKIMSignature, isPartial: Bool, _ lookup: KeyLookup) -> DKIMVerdict {
        let outcome = SignatureCheck.verify(
            signature.key, SignatureCheck.digest(header, place, signature.key, signature.content), lookup
        ) { record throws(SignatureFlaw) in
            // §3.6.1, t=s
            if record.isStrict, signature.identityDomain != signature.key.domain.asciiForm {
                throw SignatureFlaw(.permerror, "the key is for d= alone")
            }
        }
        return verdict(
            outcome.flaw?.result ?? .pass, outcome.bits, isPartial: isPartial, isTesting: outcome.record?.isTesting ?? false,
            reason: outcome.flaw?.reason
                ?? (isPartial ? "l= leaves octets at the end unsigned" : outcome.record?.isTesting == true ? "its key is marked as a test" : nil))
    }

    private func verdict(
        _ result: DKIMVerdict.Result, _ bits: Int? = nil, isPartial: Bool = false, isTesting: Bool = false, reason: String?
    ) -> DKIMVerdict {
        DKIMVerdict(
            result, domain: label.domain, selector: label.selector, identity: label.identity, algorithm: label.algorithm, keyBits: bits,
            signature: label.signature, isPartial: isPartial, isTesting: isTesting, reason: reason)
    }
}
