import Conversation
import Crypto
import MailModel

/// Whether a chain holds (RFC 8617 §5.2, steps 4 to 7).
struct ARCValidation {
    let chain: ARCChain
    let header: HeaderBlock
    let bodies: BodyDigests

    /// Asks for the key of the newest ARC-Message-Signature, and where that holds, for those of the seals: at most 51 names.
    func verdict(_ resolver: any Resolver, now: Timestamp) async -> ARCVerdict {
        if let flaw = chain.flaw { return ARCVerdict(.fail, reason: flaw) }
        guard let newest = chain.links.last else { return ARCVerdict(.none) }
        let links = chain.links.map { ARCVerdict.Link(instance: $0.instance, domain: $0.seal.domain, selector: $0.seal.selector, results: $0.results) }

        var names: Set<Domain> = []
        if case .success(let message) = newest.message, checkBody(message, now) == nil { names = [message.key.keyName] }
        let first = await KeyLookup(names, resolver)
        if let flaw = flaw(newest, first, now) {
            return ARCVerdict(flaw.result == .temperror ? .temperror : .fail, links: links, reason: "message signature \(newest.instance): \(flaw.reason)")
        }
        let lookup = await first.adding(chain.links.map(\.seal.keyName), resolver)
        let oldest = await oldestPass(lookup, now)
        if let (result, reason) = await sealFlaw(lookup) { return ARCVerdict(result, links: links, oldestPass: oldest, reason: reason) }
        let isWeak = chain.links.contains { link in
            if case .success(let message) = link.message { !message.content.names.contains("from") } else { false }
        }
        return ARCVerdict(.pass, links: links, oldestPass: oldest, isWeak: isWeak)
    }

    private func checkBody(_ message: ARCChain.Message, _ now: Timestamp) -> SignatureFlaw? {
        do throws(SignatureFlaw) {
            try SignatureCheck.time(message.key, now: now)
            // RFC 6376 §8.2: anybody could have added them, and no other signature makes up for it.
            if try SignatureCheck.body(message.content, bodies) { return SignatureFlaw(.fail, "l= leaves octets at the end unsigned") }
            return nil
        } catch { return error }
    }

    /// Of an ARC-Message-Signature; nil: it holds.
    private func flaw(_ link: ARCChain.Link, _ lookup: KeyLookup, _ now: Timestamp) -> SignatureFlaw? {
        switch link.message {
        case .failure(let flaw): return flaw
        case .success(let message):
            if let flaw = checkBody(message, now) { return flaw }
            let digest = SignatureCheck.digest(header, link.messagePlace, message.key, message.content)
            return SignatureCheck.verify(message.key, digest, lookup, ARCValidation.refuseTest).flaw
        }
    }

    /// RFC 6376 §3.6.1, t=y: what such a key signs is to be taken as if it were not signed.
    private static func refuseTest(_ record: DKIMKeyRecord) throws(SignatureFlaw) {
        if record.isTesting { throw SignatureFlaw(.fail, "the key is marked as a test") }
    }

    /// Signatures of servers before the last that are looked at: each costs as much as one of DKIM.
    private static let mostMessageSignatures = 10

    /// Step 5: back from the newest one, as far as they hold. One whose key none of the seals has is not asked for, and counts as one that does not hold.
    private func oldestPass(_ lookup: KeyLookup, _ now: Timestamp) async -> Int {
        let looked = chain.links.dropLast().suffix(ARCValidation.mostMessageSignatures)
        for link in looked.reversed() {
            await SignatureCheck.breath()
            if flaw(link, lookup, now) != nil { return link.instance + 1 }
        }
        return looked.count == chain.links.count - 1 ? 0 : looked.first?.instance ?? 0
    }

    /// Step 6. Each field is brought into its canonical form once: what a seal covers is what the one before it covers, and more (§5.1.1).
    private func sealFlaw(_ lookup: KeyLookup) async -> (ARCVerdict.Result, String)? {
        var hash = SHA256()
        var unknown: (ARCVerdict.Result, String)?
        for link in chain.links {
            await SignatureCheck.breath()
            var canonical: [UInt8] = []
            header.write(link.resultsPlace, .relaxed, to: &canonical)
            header.write(link.messagePlace, .relaxed, to: &canonical)
            hash.update(data: canonical)
            var own: [UInt8] = []
            header.write(link.sealPlace, .relaxed, without: SignatureCheck.gap(header, link.sealPlace, link.seal), isLast: true, to: &own)
            var sealed = hash
            sealed.update(data: own)
            if let flaw = SignatureCheck.verify(link.seal, sealed.finalize(), lookup, ARCValidation.refuseTest).flaw {
                let reason = "seal \(link.instance): \(flaw.reason)"
                if flaw.result != .temperror { return (.fail, reason) }
                unknown = unknown ?? (.temperror, reason)
            }
            canonical = []
            header.write(link.sealPlace, .relaxed, to: &canonical)
            hash.update(data: canonical)
        }
        return unknown
    }
}
