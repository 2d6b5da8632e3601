package import MailModel

/// Why a message may fail DMARC here and still be its author's: a server whose word we take had seen it pass, before it or another such server changed the
/// message (RFC 8617 §7.2, RFC 9989 §5.4).
package struct TrustedExplanation: Hashable, Sendable {
    /// d= of the ARC-Seal of the server that says so.
    package let sealer: Domain
    /// i= of its link.
    package let instance: Int
    /// What it says: `dmarc=pass header.from=example.com`.
    package let evidence: String

    /// As an aggregate report has it.
    package var override: DMARCObservation.Override {
        DMARCObservation.Override(.trustedForwarder, comment: "arc=pass as[\(instance)].d=\(sealer.value): \(evidence)")
    }

    /// Nil: nobody whom we trust explains it. Everybody who could have changed the message since has to be trusted as well, so links are looked at from the newest
    /// back, up to the first whose sealer is not.
    ///
    /// - parameter trusted: domains whose seals are believed; exactly these, no subdomains.
    /// - parameter failure: what DMARC says here; its author is the one who has to have been proved.
    package init?(_ arc: ARCVerdict, failure: DMARCVerdict, trusted: [Domain]) {
        guard arc.result == .pass, !arc.isWeak, !trusted.isEmpty else { return nil }
        for link in arc.links.sorted(by: { $0.instance > $1.instance }) {
            guard trusted.contains(link.domain) else { return nil }
            guard let results = AuthenticationResults(link.results), let evidence = TrustedExplanation.evidence(in: results, failure) else { continue }
            sealer = link.domain
            instance = link.instance
            self.evidence = evidence
            return
        }
        return nil
    }

    private static func evidence(in results: AuthenticationResults, _ failure: DMARCVerdict) -> String? {
        for finding in results.findings where finding.result == "pass" {
            switch finding.method {
            case "dmarc":
                guard finding.value("header", "from").flatMap(domain) == failure.author else { continue }
                return "dmarc=pass header.from=\(failure.author.value)"
            case "dkim":
                guard let signer = finding.value("header", "d").flatMap(domain), isAligned(signer, failure) else { continue }
                return "dkim=pass header.d=\(signer.value)"
            default: continue
            }
        }
        return nil
    }

    private static func domain(_ text: String) -> Domain? { Domain(text)?.asciiForm }

    /// By the organization as far as it is known; DNS is not asked again.
    private static func isAligned(_ signer: Domain, _ failure: DMARCVerdict) -> Bool {
        if signer == failure.author { return true }
        guard failure.record?.dkimAlignment != .strict else { return false }
        return signer.isWithin(failure.organizationalDomain)
    }
}
