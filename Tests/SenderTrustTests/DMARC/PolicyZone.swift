import Conversation
import MailModel
import Rehearsal
import SenderTrust

/// What DNS says of policies: records by the domain they are of, in a `NameTable`.
struct PolicyZone {
    let names = NameTable()

    struct NoName: Error {
        let text: String
    }

    /// - parameter records: by domain, without `_dmarc.`; several texts for several records.
    init(_ records: [(String, String)] = []) throws {
        var texts: [String: [String]] = [:]
        for (domain, text) in records { texts[domain, default: []].append(text) }
        for (domain, list) in texts { try names.set(.txt, of: "_dmarc.\(domain)", list.map(PolicyZone.strings)) }
    }

    /// TXT: strings of at most 255 octets.
    static func strings(_ text: String) -> [UInt8] {
        var octets: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            octets += [UInt8(min(255, rest.count))] + rest.prefix(255)
            rest = rest.dropFirst(255)
        }
        return octets.isEmpty ? [0] : octets
    }

    /// The names that were asked for policies, without `_dmarc.`.
    var asked: [String] {
        names.asked.filter { $0.type == .txt }.map { question in
            let name = question.name.domain?.value ?? ""
            return name.hasPrefix("_dmarc.") ? String(name.dropFirst(7)) : name
        }
    }

    var evaluation: DMARCEvaluation { DMARCEvaluation(resolver: names) }

    /// Judges with who has been proved.
    func verdict(_ author: String, spf: String? = nil, dkim: [String] = []) async throws -> DMARCVerdict {
        await evaluation.evaluate(author: try domain(author), spf: try spf.map { try passed($0) }, dkim: try dkim.map { try signed($0) })
    }

    func domain(_ text: String) throws -> Domain {
        guard let domain = Domain(text) else { throw NoName(text: text) }
        return domain
    }

    func passed(_ name: String, _ result: SPFVerdict.Result = .pass, _ identity: SPFVerdict.Identity = .mailFrom) throws -> SPFVerdict {
        SPFVerdict(result, identity, domain: try domain(name), sender: "sender@\(name)")
    }

    func signed(_ name: String, _ result: DKIMVerdict.Result = .pass, isPartial: Bool = false, isTesting: Bool = false) throws -> DKIMVerdict {
        DKIMVerdict(result, domain: try domain(name), selector: "s", isPartial: isPartial, isTesting: isTesting)
    }
}
